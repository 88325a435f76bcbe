/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Incoming connections get their owner when they are accepted. Here sockets are
 * only addresses, so what is known goes into the table of accepted ones.
 */
#ifndef TCPGRAPH_ACCEPT_H
#define TCPGRAPH_ACCEPT_H

#define MAX_ERRNO 4095 /* include/linux/err.h */
#define ENOENT	  2
#define EEXIST	  17

/* The subflow that carries an MPTCP socket, or the socket itself. */
static __always_inline struct sock *tcp_of(struct sock *sk)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;

	if (sk && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP &&
	    bpf_core_field_exists(msk->first))
		sk = BPF_CORE_READ(msk, first);
	return sk;
}

/* The socket behind a descriptor of the current process that accept gave. */
static __always_inline struct sock *socket_of_fd(long fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file **files, *file = NULL;
	struct socket *sock;

	if (fd < 0)
		return NULL;
	files = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
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
	long err = bpf_map_update_elem(&accepted, &key, c, BPF_NOEXIST);

	if (err) {
		if (err != -EEXIST)
			bump(&lost, LOST_TABLE);
		return err;
	}
	if (!BPF_CORE_READ(sk, __sk_common.skc_num) &&
	    !bpf_map_delete_elem(&accepted, &key))
		return -ENOENT;
	return 0;
}

static __always_inline int on_accept(struct sock *sk)
{
	struct conn c = {};
	__u64 key;
	long err;

	/* NULL, or ERR_PTR in later kernels, when nothing was accepted. */
	if (!sk || (unsigned long)sk >= (unsigned long)-MAX_ERRNO)
		return 0;
	sk = tcp_of(sk);
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (!wanted_netns(BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum)))
		return 0;
	/* It ended before it was accepted, and was reported then. */
	if (!BPF_CORE_READ(sk, __sk_common.skc_num))
		return 0;
	probe_tuple(&c.tuple, sk);
	if (!wanted(&c.tuple) || !own_by_current(&c))
		return 0;
	c.role = ROLE_PASSIVE;
	c.direction = DIR_INCOMING;
	err = claim(sk, &c);
	if (!err) {
		emit_open(&c, bpf_ktime_get_boot_ns());
	} else if (err == -EEXIST) {
		/* The scan was first. The end will tell the real owner. */
		key = (__u64)sk;
		bpf_map_update_elem(&accepted, &key, &c, BPF_EXIST);
	}
	return 0;
}

/* Writes a byte for each connection that has not waited for long enough. */
static __always_inline int report_unaccepted(struct seq_file *seq,
					     struct sock *sk, struct conn *c)
{
	struct conn copy;
	__u64 key;

	if (!sk || !c || c->role != ROLE_PASSIVE || c->filtered)
		return 0;
	if (only_pids && !bpf_map_lookup_elem(&pids, &c->owner.pid))
		return 0;
	key = (__u64)sk;
	if (bpf_map_lookup_elem(&accepted, &key)) {
		c->role = ROLE_ACCEPTED;
		return 0;
	}
	if (bpf_ktime_get_boot_ns() - c->since < unaccepted_after) {
		bpf_seq_write(seq, &c->role, 1);
		return 0;
	}
	copy = *c;
	if (!claim(sk, &copy))
		emit_open(&copy, copy.since);
	return 0;
}

#endif /* TCPGRAPH_ACCEPT_H */
