/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Incoming connections get their owner when they are accepted. Here sockets are
 * only addresses, so what is known goes into the table of accepted ones.
 */
#ifndef TCPGRAPH_ACCEPT_H
#define TCPGRAPH_ACCEPT_H

#define MAX_ERRNO	 4095 /* include/linux/err.h */
#define ENOENT		 2
#define IORING_OP_ACCEPT 13 /* include/uapi/linux/io_uring.h */
#define EEXIST		 17

/* The subflow that carries an MPTCP socket, or the socket itself. */
static __always_inline struct sock *tcp_of(struct sock *sk)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;

	if (sk && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP &&
	    bpf_core_field_exists(msk->first))
		sk = BPF_CORE_READ(msk, first);
	return sk;
}

/* The socket behind a descriptor of the current process. */
static __always_inline struct sock *socket_of_fd(long fd)
{
	struct task_struct *task = current_task();
	struct files_struct *files = task->files;
	struct file *file = NULL;
	struct socket *sock;

	if (fd < 0 || !files)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files->fdt->fd + fd);
	/* A socket's file has it as private_data (sock_alloc_file). */
	sock = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(sock, sk);
}

/*
 * Enters a connection as reported. Returns 0 if the caller is to report it, or
 * -EEXIST if it was reported already, or another error if it ended meanwhile.
 * CLOSE is entered after the port is given back (tcp_set_state), and looks into
 * the table after that; so either the entry is seen there, or the missing port
 * is seen here.
 */
static __always_inline long claim(struct sock *sk, const struct conn *c)
{
	__u64 key = (__u64)sk;
	/* An int, whatever is above it, before 6.4 (d7ba4cc900bf). */
	int err = bpf_map_update_elem(&accepted, &key, c, BPF_NOEXIST);

	if (err)
		return err;
	if (!BPF_CORE_READ(sk, __sk_common.skc_num) &&
	    !bpf_map_delete_elem(&accepted, &key))
		return -ENOENT;
	return 0;
}

/* With count, an accept that finds no room in the table counts as lost. */
static __always_inline int on_accept_counted(struct sock *sk, bool count)
{
	struct conn c = {};
	__u64 key;
	long err;

	/* NULL, or ERR_PTR in later kernels, when nothing was accepted. */
	if (!current_phase || !sk ||
	    (unsigned long)sk >= (unsigned long)-MAX_ERRNO)
		return 0;
	sk = tcp_of(sk);
	if (PROBED_PROTOCOL(probe_socket(&c.tuple, sk)) != IPPROTO_TCP)
		return 0;
	/* No port: it ended before it was accepted, and was reported then. */
	if (!c.tuple.local_port || !wanted(&c.tuple) || !own_by_current(&c))
		return 0;
	c.role = ROLE_PASSIVE;
	c.direction = DIR_INCOMING;
	c.since = bpf_ktime_get_boot_ns();
	if (aggregate)
		c.isn = probe_client_isn(sk);
	key = (__u64)sk;
	bpf_map_delete_elem(&pending, &key);
	err = claim(sk, &c);
	if (err == -EEXIST && !accepted_as(key, &c.tuple))
		err = claim(sk, &c);
	if (!err) {
		emit_open(&c, c.since);
	} else if (err == -EEXIST) {
		/* The scan was first. The end will tell the real owner. */
		bpf_map_update_elem(&accepted, &key, &c, BPF_EXIST);
	} else if (err != -ENOENT && count) {
		bump(&lost, LOST_TABLE);
	}
	return 0;
}

static __always_inline int on_accept(struct sock *sk)
{
	return on_accept_counted(sk, true);
}

/*
 * A task that was in inet_csk_accept already when that was hooked leaves it
 * unseen, and so does one for which the kernel skips the hook; but then it
 * passes here, as all do that make a socket of what they accepted. UNIX sockets
 * come here as well, and the subflows of MPTCP sockets, by mptcp_sock_graft,
 * those that connect among them.
 */
static __always_inline int on_graft(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 key = (__u64)tcp_of(sk);
	struct conn *a;

	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	    bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp))
		return 0;
	/* A listener's was reported before it was accepted. */
	a = bpf_map_lookup_elem(&accepted, &key);
	if (a && a->how != HOW_LISTENER)
		return 0;
	return on_accept_counted(sk, false);
}

/*
 * What io_uring has accepted, in the task that asked for it or in a worker that
 * shares its files. req->cqe came in 5.19, after the request became the second
 * argument of the tracepoint (502c87d65564, 5.18). Multishot accepts come here
 * without their request, and direct descriptors are in no file table.
 */
static __always_inline int on_ring_complete(struct io_kiocb *req)
{
	struct io_accept *accept = (struct io_accept *)req;

	if (!bpf_core_field_exists(req->cqe) || !req ||
	    BPF_CORE_READ(req, opcode) != IORING_OP_ACCEPT)
		return 0;
	if (bpf_core_field_exists(accept->file_slot) &&
	    BPF_CORE_READ(accept, file_slot))
		return 0;
	return on_accept(socket_of_fd(BPF_CORE_READ(req, cqe.res)));
}

/* Whether a socket is still that of the connection, as far as can be told. */
static __always_inline bool still_that(struct sock *sk, const struct conn *c)
{
	struct tuple now = {};

	return PROBED_PROTOCOL(probe_socket(&now, sk)) == IPPROTO_TCP &&
	       same_tuple(&now, &c->tuple);
}

/*
 * Reports a connection that has waited for too long, and deletes its entry if
 * that is of no more use. Counts those that have not waited for long enough.
 */
static long report_unaccepted(struct bpf_map *map, const __u64 *entry,
			      void *value, __u32 *left)
{
	__u64 key = *entry;
	/* The value may be another's by now, whose key is not that. */
	struct conn *c = bpf_map_lookup_elem(&pending, &key), copy;
	long err;

	if (!c)
		return 0;
	/*
	 * An accept can come by before the connection is quite established, and
	 * its end before this: then the entry is left, and the socket may be
	 * another's by now.
	 */
	copy = *c;
	if (!accepted_as(key, &copy.tuple) &&
	    still_that((struct sock *)key, &copy)) {
		if (bpf_ktime_get_boot_ns() - copy.since < unaccepted_after) {
			(*left)++;
			return 0;
		}
		err = claim((struct sock *)key, &copy);
		if (!err)
			emit_open(&copy, copy.since);
		else if (err != -EEXIST && err != -ENOENT)
			bump(&lost, LOST_TABLE);
	}
	bpf_map_delete_elem(&pending, &key);
	return 0;
}

#endif /* TCPGRAPH_ACCEPT_H */
