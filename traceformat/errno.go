package traceformat

import (
	"fmt"
	"strconv"
)

// Errno is the reason of a failed connect, a Linux error number whatever the
// system this program runs on, or [Killed]. Zero is unknown or no failure.
// The numbers are the generic ones, which x86, arm64 and most others share.
type Errno uint16

// Killed is the Errno of a connect that ended because a signal ended its
// process. It is no error number of the kernel's, which end at 4095
// (MAX_ERRNO, include/linux/err.h).
const Killed Errno = 0xffff

// killedName is how Killed is written.
const killedName = "killed"

// String returns the symbolic name ("ECONNREFUSED"), "killed" for [Killed],
// the decimal number where there is no name, and the empty string for zero.
func (e Errno) String() string {
	switch {
	case e == 0:
		return ""
	case e == Killed:
		return killedName
	case int(e) < len(errnoNames) && errnoNames[e] != "":
		return errnoNames[e]
	}
	return strconv.Itoa(int(e))
}

// ParseErrno returns the Errno that s names: what [Errno.String] returns for
// it, its decimal number, or one of the second names that Linux gives to EAGAIN
// (EWOULDBLOCK), EDEADLK (EDEADLOCK) and EOPNOTSUPP (ENOTSUP). The empty
// string is zero.
func ParseErrno(s string) (Errno, error) {
	e, ok := parseErrno(s)
	if !ok {
		return 0, fmt.Errorf("traceformat: unknown errno %s", quoteClip(s))
	}
	return e, nil
}

func parseErrno[T text](s T) (Errno, bool) {
	if len(s) == 0 {
		return 0, true
	}
	if e, ok := errnoByName[string(s)]; ok {
		return e, true
	}
	n, ok := parseUint(s, uint64(Killed)-1)
	return Errno(n), ok
}

// errnoByName is the inverse of errnoNames, with the second names.
var errnoByName = func() map[string]Errno {
	m := map[string]Errno{
		killedName:    Killed,
		"EWOULDBLOCK": 11,
		"EDEADLOCK":   35,
		"ENOTSUP":     95,
	}
	for e, name := range errnoNames {
		if name != "" {
			m[name] = Errno(e)
		}
	}
	return m
}()

// errnoNames are the names of include/uapi/asm-generic/errno-base.h and
// errno.h. Linux leaves 41 and 58 free.
var errnoNames = [...]string{
	1:   "EPERM",
	2:   "ENOENT",
	3:   "ESRCH",
	4:   "EINTR",
	5:   "EIO",
	6:   "ENXIO",
	7:   "E2BIG",
	8:   "ENOEXEC",
	9:   "EBADF",
	10:  "ECHILD",
	11:  "EAGAIN",
	12:  "ENOMEM",
	13:  "EACCES",
	14:  "EFAULT",
	15:  "ENOTBLK",
	16:  "EBUSY",
	17:  "EEXIST",
	18:  "EXDEV",
	19:  "ENODEV",
	20:  "ENOTDIR",
	21:  "EISDIR",
	22:  "EINVAL",
	23:  "ENFILE",
	24:  "EMFILE",
	25:  "ENOTTY",
	26:  "ETXTBSY",
	27:  "EFBIG",
	28:  "ENOSPC",
	29:  "ESPIPE",
	30:  "EROFS",
	31:  "EMLINK",
	32:  "EPIPE",
	33:  "EDOM",
	34:  "ERANGE",
	35:  "EDEADLK",
	36:  "ENAMETOOLONG",
	37:  "ENOLCK",
	38:  "ENOSYS",
	39:  "ENOTEMPTY",
	40:  "ELOOP",
	42:  "ENOMSG",
	43:  "EIDRM",
	44:  "ECHRNG",
	45:  "EL2NSYNC",
	46:  "EL3HLT",
	47:  "EL3RST",
	48:  "ELNRNG",
	49:  "EUNATCH",
	50:  "ENOCSI",
	51:  "EL2HLT",
	52:  "EBADE",
	53:  "EBADR",
	54:  "EXFULL",
	55:  "ENOANO",
	56:  "EBADRQC",
	57:  "EBADSLT",
	59:  "EBFONT",
	60:  "ENOSTR",
	61:  "ENODATA",
	62:  "ETIME",
	63:  "ENOSR",
	64:  "ENONET",
	65:  "ENOPKG",
	66:  "EREMOTE",
	67:  "ENOLINK",
	68:  "EADV",
	69:  "ESRMNT",
	70:  "ECOMM",
	71:  "EPROTO",
	72:  "EMULTIHOP",
	73:  "EDOTDOT",
	74:  "EBADMSG",
	75:  "EOVERFLOW",
	76:  "ENOTUNIQ",
	77:  "EBADFD",
	78:  "EREMCHG",
	79:  "ELIBACC",
	80:  "ELIBBAD",
	81:  "ELIBSCN",
	82:  "ELIBMAX",
	83:  "ELIBEXEC",
	84:  "EILSEQ",
	85:  "ERESTART",
	86:  "ESTRPIPE",
	87:  "EUSERS",
	88:  "ENOTSOCK",
	89:  "EDESTADDRREQ",
	90:  "EMSGSIZE",
	91:  "EPROTOTYPE",
	92:  "ENOPROTOOPT",
	93:  "EPROTONOSUPPORT",
	94:  "ESOCKTNOSUPPORT",
	95:  "EOPNOTSUPP",
	96:  "EPFNOSUPPORT",
	97:  "EAFNOSUPPORT",
	98:  "EADDRINUSE",
	99:  "EADDRNOTAVAIL",
	100: "ENETDOWN",
	101: "ENETUNREACH",
	102: "ENETRESET",
	103: "ECONNABORTED",
	104: "ECONNRESET",
	105: "ENOBUFS",
	106: "EISCONN",
	107: "ENOTCONN",
	108: "ESHUTDOWN",
	109: "ETOOMANYREFS",
	110: "ETIMEDOUT",
	111: "ECONNREFUSED",
	112: "EHOSTDOWN",
	113: "EHOSTUNREACH",
	114: "EALREADY",
	115: "EINPROGRESS",
	116: "ESTALE",
	117: "EUCLEAN",
	118: "ENOTNAM",
	119: "ENAVAIL",
	120: "EISNAM",
	121: "EREMOTEIO",
	122: "EDQUOT",
	123: "ENOMEDIUM",
	124: "EMEDIUMTYPE",
	125: "ECANCELED",
	126: "ENOKEY",
	127: "EKEYEXPIRED",
	128: "EKEYREVOKED",
	129: "EKEYREJECTED",
	130: "EOWNERDEAD",
	131: "ENOTRECOVERABLE",
	132: "ERFKILL",
	133: "EHWPOISON",
}
