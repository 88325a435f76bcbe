// Package kernels runs programs on other kernels: it fetches Debian's kernels
// and boots each in a virtual machine of QEMU that lives for one job.
//
// A machine has two processors and 1 GiB of memory, no disk and no network. Its
// whole file system is an initial RAM disk with the [Guest] program vminit as
// process 1, the modules that fetch.sh lists, and the files that the [VM] names.
// KVM is used where it is to be had; without it a boot takes 3 to 5 seconds and
// what computes runs about ten times slower than on the host.
//
// The machines are those of the kernel on any host, so what runs in them must be
// built for linux and [Kernel.Arch], without cgo.
package kernels
