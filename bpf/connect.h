/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Connects that fail before anything is sent, for want of a route or of
 * permission: they change no state. What a connect is for is noted as it
 * begins and forgotten once SYN_SENT is entered; what is still there as it ends
 * with an error has failed here.
 */
#ifndef TCPGRAPH_CONNECT_H
#define TCPGRAPH_CONNECT_H

/* Errors of the caller, or none at all: nothing was tried. */
static __always_inline bool attempted(long ret)
{
	switch (-ret) {
	case 4:	  /* EINTR */
	case 9:	  /* EBADF */
	case 14:  /* EFAULT */
	case 22:  /* EINVAL */
	case 88:  /* ENOTSOCK */
	case 97:  /* EAFNOSUPPORT */
	case 106: /* EISCONN */
	case 114: /* EALREADY */
	case 115: /* EINPROGRESS */
		return false;
	}
	/* From 512 on they are the kernel's own, such as ERESTARTSYS. */
	return ret < 0 && ret > -512;
}

/* Fills in the remote end from a socket address; false if it is none of ours.
 */
static __always_inline bool remote_from(struct tuple *t, const void *addr,
					bool user)
{
	struct {
		__u16 family;
		__u16 port;
		union {
			struct {
				__u32 addr;
			} in;
			struct {
				__u32 flow;
				__u8 addr[16];
			} in6;
		};
	} sa = {};
	const __u32 len = 2 + 2 + 4;

	if (user ? bpf_probe_read_user(&sa, len, addr)
		 : bpf_probe_read_kernel(&sa, len, addr))
		return false;
	t->remote_port = bpf_ntohs(sa.port);
	if (sa.family == AF_INET) {
		map_ipv4(t->remote, sa.in.addr);
		return true;
	}
	if (sa.family != AF_INET6)
		return false;
	addr += len;
	return !(user ? bpf_probe_read_user(t->remote, 16, addr)
		      : bpf_probe_read_kernel(t->remote, 16, addr));
}

static __always_inline void connect_begins(struct sock *sk, const void *addr,
					   bool user)
{
	__u64 key = bpf_get_current_pid_tgid();
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct conn c = {};

	if (!current_phase || (family != AF_INET && family != AF_INET6))
		return;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return;
	probe_tuple(&c.tuple, sk);
	if (!remote_from(&c.tuple, addr, user) || !wanted(&c.tuple))
		return;
	/*
	 * Only connect mirrors the IPv4 address that a socket was bound to;
	 * :: of a socket of IPv6 is of either family.
	 */
	if (is_ipv4(c.tuple.remote) && !is_ipv4(c.tuple.local))
		map_ipv4(c.tuple.local,
			 family == AF_INET
				 ? BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr)
				 : 0);
	c.since = bpf_ktime_get_boot_ns();
	c.direction = DIR_OUTGOING;
	bpf_map_update_elem(&connecting, &key, &c, BPF_ANY);
}

static __always_inline void connect_ends(long ret)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct conn *c = bpf_map_lookup_elem(&connecting, &key);
	struct event *e;

	if (!c)
		return;
	if (attempted(ret) && own_by_current(c)) {
		e = reserve(REC_FAIL, c);
		if (e) {
			e->time = bpf_ktime_get_boot_ns();
			e->error = -ret;
			bpf_ringbuf_submit(e, wake());
		}
	}
	bpf_map_delete_elem(&connecting, &key);
}

#endif /* TCPGRAPH_CONNECT_H */
