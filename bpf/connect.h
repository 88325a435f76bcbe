/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Connects that fail before anything is sent, for want of a route or of
 * permission: they change no state, and only what the call returns tells of
 * them. Those that entered SYN_SENT are reported by their state, which leaves a
 * note of it, and are passed over here.
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

/*
 * Whether this failure was reported by the socket's state. One for want of a
 * port was so by this very call. Others come from the network, and the call
 * returns them only if it is that of the user (synchronous), who may also never
 * ask. Then the note is stale: the socket is gone, and another one has its
 * address, which has sent nothing and so has no sequence number.
 */
static __always_inline bool reported(struct sock *sk, bool user)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 key = (__u64)sk, thread = bpf_get_current_pid_tgid();
	__u64 *note = bpf_map_lookup_elem(&failed, &key);
	bool was;

	if (!note)
		return false;
	if (*note)
		was = *note == thread;
	else
		was = user && BPF_CORE_READ(tp, write_seq);
	bpf_map_delete_elem(&failed, &key);
	return was;
}

/* After the call; addr is that of a user, or else the kernel's copy. */
static __always_inline void connect_ends(struct sock *sk, const void *addr,
					 bool user, long ret)
{
	struct conn c = {};
	struct event *e;
	__u64 probed;
	__u16 family;

	if (!current_phase || !attempted(ret))
		return;
	probed = probe_socket(&c.tuple, sk);
	family = PROBED_FAMILY(probed);
	if (PROBED_PROTOCOL(probed) != IPPROTO_TCP &&
	    PROBED_PROTOCOL(probed) != IPPROTO_MPTCP)
		return;
	if (family != AF_INET && family != AF_INET6)
		return;
	if (PROBED_STATE(probed) != TCP_CLOSE)
		return;
	if (!remote_from(&c.tuple, addr, user))
		return;
	if (reported(tcp_of(sk), user) || !wanted(&c.tuple))
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
	c.direction = DIR_OUTGOING;
	if (!own_by_current(&c))
		return;
	e = reserve(REC_FAIL, &c);
	if (!e)
		return;
	e->time = bpf_ktime_get_boot_ns();
	e->error = -ret;
	bpf_ringbuf_submit(e, wake());
}

/* Calls tcp_v4_connect itself if the address is IPv4, which sees to it. */
static __always_inline void connect6_ends(struct sock *sk, const void *addr,
					  long ret)
{
	struct tuple t;

	if (ret < 0 && remote_from(&t, addr, false) && !is_ipv4(t.remote))
		connect_ends(sk, addr, false, ret);
}

/* For hooks at the return that do not see the arguments. */
static __always_inline void connect_begins(struct sock *sk, const void *addr)
{
	struct connect_args args = {.sk = (__u64)sk, .addr = (__u64)addr};
	__u64 key = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&connecting, &key, &args, BPF_ANY);
}

static __always_inline void connect_returns(long ret)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct connect_args *args = bpf_map_lookup_elem(&connecting, &key);

	if (!args)
		return;
	connect_ends((void *)args->sk, (void *)args->addr, false, ret);
	bpf_map_delete_elem(&connecting, &key);
}

#endif /* TCPGRAPH_CONNECT_H */
