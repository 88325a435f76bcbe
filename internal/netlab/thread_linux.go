package netlab

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onThread calls fn on a thread that no other goroutine ever gets, and returns
// when fn has. The thread ends with it: whatever fn did to the thread is gone.
func onThread(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if unix.Gettid() != unix.Getpid() {
			fn()
			return
		}
		// The main thread cannot end. It would stay as it is, idle, and what
		// /proc/self shows would be what fn made of it. While it is locked
		// here, another goroutine runs on another thread.
		onThread(fn)
		runtime.UnlockOSThread()
	}()
	<-done
}
