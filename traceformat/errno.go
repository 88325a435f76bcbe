package traceformat

// Errno is the reason of a failed connect, a Linux error number whatever the
// system this program runs on, or [Killed]. Zero is unknown or no failure.
type Errno uint16

// Killed is the Errno of a connect that ended because a signal ended its
// process. It is no error number of the kernel's, which end at 4095
// (MAX_ERRNO, include/linux/err.h).
const Killed Errno = 0xffff
