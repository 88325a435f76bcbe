/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What was open before the tracer. Listeners first, so that incoming
 * connections can be told by them, and so that those that come meanwhile
 * inherit their owner; then connections, until none is left that was
 * overlooked.
 */
#ifndef TCPGRAPH_SNAPSHOT_H
#define TCPGRAPH_SNAPSHOT_H

/*
 * Which side connected, told from the counters: bytes_acked of the side that
 * connected includes its SYN, and that of the other does not (tcp_ack against
 * tcp_create_openreq_child). Only before a FIN is sent, and if two readings
 * agree, as the socket is not locked.
 */
static __always_inline __u8 direction_by_counters(struct tcp_sock *tp,
						  int state)
{
	__u64 acked = tp->bytes_acked, sent = tp->bytes_sent;
	__u32 una = tp->snd_una, nxt = tp->snd_nxt;
	__u64 syn = acked + (__u32)(nxt - una) + tp->bytes_retrans - sent;

	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return DIR_UNKNOWN;
	if (acked != tp->bytes_acked || sent != tp->bytes_sent || syn > 1)
		return DIR_UNKNOWN;
	return syn ? DIR_OUTGOING : DIR_INCOMING;
}

static __always_inline __u8 direction_of(struct tcp_sock *tp, int state,
					 const struct tuple *t)
{
	struct port_key key = {.netns = t->netns, .port = t->local_port};
	__u8 direction = direction_by_counters(tp, state);

	if (accepted_early(tp, state))
		return DIR_INCOMING;
	if (direction != DIR_UNKNOWN)
		return direction;
	return bpf_map_lookup_elem(&listening, &key) ? DIR_INCOMING
						     : DIR_OUTGOING;
}

/*
 * False if there was no room for it. Then the kernel comes again with the same
 * object, when there is.
 */
static __always_inline bool write(struct seq_file *seq, __u8 type,
				  const struct conn *c)
{
	struct event e;

	fill(&e, type, c);
	e.time = bpf_ktime_get_boot_ns();
	return !bpf_seq_write(seq, &e, sizeof(e));
}

/*
 * The walk comes by processes in the order of their numbers, which begin anew
 * once they are used up. Of several that hold a socket the oldest owns it: the
 * others have inherited it.
 */
static __always_inline bool older(const struct owner *a, const struct owner *b)
{
	return a->start < b->start;
}

static __always_inline void adopt_listener(struct seq_file *seq,
					   struct sock *sk, struct conn *init)
{
	struct port_key key = {.netns = init->tuple.netns,
			       .port = init->tuple.local_port};
	__u8 one = 1;
	struct conn *c;

	bpf_map_update_elem(&listening, &key, &one, BPF_ANY);
	if (!owner_wanted(init))
		return;
	init->role = ROLE_LISTENER;
	init->how = HOW_LISTENER;
	init->direction = DIR_INCOMING;
	c = bpf_sk_storage_get(&sockets, sk, init, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c) {
		bump(&lost, LOST_STORAGE);
		return;
	}
	if (!c->state && older(&init->owner, &c->owner))
		c->owner = init->owner;
	if (c->owner.start == init->owner.start)
		write(seq, REC_LISTENER, init);
}

static __always_inline bool connected(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 ||
	       state == TCP_FIN_WAIT2 || state == TCP_CLOSE_WAIT ||
	       state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* Both ends can connect to each other; then they are in SYN_RECV. */
static __always_inline bool connects(struct tcp_sock *tp, int state)
{
	return state == TCP_SYN_SENT ||
	       (state == TCP_SYN_RECV && !accepted_early(tp, state));
}

/* Whether a socket that a process has connects, or is connected. */
static __always_inline bool is_connection(int state)
{
	return state == TCP_SYN_SENT || state == TCP_SYN_RECV ||
	       connected(state);
}

/*
 * Whether the owner of a connection is left to the snapshot: it began before,
 * and was established since. With an accept hook an incoming one has its owner
 * in accepted, if at all.
 */
static __always_inline bool ownerless(const struct conn *c)
{
	return !c->owner.start && !c->filtered &&
	       (c->role == ROLE_ACTIVE || !accept_hooked);
}

/*
 * Of the holders of a socket the oldest one that is wanted owns it. (The state
 * of one that is not wanted is kept, too, lest it seem to be overlooked.)
 */
static __always_inline bool displaces(const struct conn *init,
				      const struct conn *c)
{
	if (c->how != HOW_SNAPSHOT || init->filtered > c->filtered)
		return false;
	return init->filtered < c->filtered || older(&init->owner, &c->owner);
}

static __always_inline void adopt_connection(struct seq_file *seq,
					     struct sock *sk,
					     struct tcp_sock *tp, int state,
					     struct conn *init)
{
	__u64 key = (__u64)sk;
	bool begun = connects(tp, state);
	struct conn *c;

	if (!wanted(&init->tuple))
		return;
	init->filtered = !owner_wanted(init);
	init->role = ROLE_ACTIVE;
	init->how = HOW_SNAPSHOT;
	if (begun) {
		init->state = TCP_SYN_SENT;
		init->direction = DIR_OUTGOING;
	} else {
		if (state == TCP_SYN_RECV)
			init->state = TCP_SYN_RECV;
		init->direction = direction_of(tp, state, &init->tuple);
		init->untold = 1;
	}
	c = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!c) {
		/* Accepted under the tracer, from before it. */
		if (bpf_map_lookup_elem(&accepted, &key))
			return;
		c = bpf_sk_storage_get(&sockets, sk, init,
				       BPF_SK_STORAGE_GET_F_CREATE);
		if (!c) {
			bump(&lost, LOST_STORAGE);
			return;
		}
		/* It closed before it was adopted, unseen. */
		if (!bpf_map_delete_elem(&ended, &key)) {
			bpf_sk_storage_delete(&sockets, sk);
			return;
		}
	} else if (ownerless(c) || displaces(init, c)) {
		/* Before the owner: who finds that may close it. */
		if (!begun)
			c->untold = 1;
		c->owner = init->owner; /* user space keeps the last */
		c->how = HOW_SNAPSHOT;
		c->filtered = init->filtered;
	} else if (!c->untold) {
		return;
	}
	/*
	 * A connect under way is reported when it ends, unless that was just
	 * now. If both report it, user space drops the double.
	 */
	if (c->filtered || c->how != HOW_SNAPSHOT ||
	    (begun && c->state != TCP_ESTABLISHED))
		return;
	c->untold = !write(seq, REC_OPEN, c);
}

/*
 * A process closes a connection, or its side of it, before the walk comes by:
 * then its file may be gone. This is entered by the process itself, except for
 * subflows, which a worker closes.
 */
static __always_inline int adopt_closing(struct sock *sk, int state)
{
	struct task_struct *task = current_task();
	__u64 key = (__u64)sk;
	struct tcp_sock *tp;
	struct conn *c;

	if (sk->sk_protocol != IPPROTO_TCP || task->flags & PF_KTHREAD)
		return 0;
	c = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (c && !ownerless(c))
		return 0;
	if (!c) {
		struct tuple t;

		if (bpf_map_lookup_elem(&accepted, &key))
			return 0;
		tp = bpf_skc_to_tcp_sock(sk);
		if (!tp)
			return 0;
		read_tuple(&t, tp);
		if (!wanted(&t))
			return 0;
		c = conn_create(sk);
		if (!c)
			return 0;
		c->tuple = t;
		c->role = ROLE_ACTIVE;
		c->direction = direction_of(tp, state, &t);
	}
	c->filtered = !own_by_current(c);
	c->how = HOW_SNAPSHOT;
	/* If the walk has just adopted it, user space drops the double. */
	if (!c->filtered)
		emit_open(c, bpf_ktime_get_boot_ns());
	return 0;
}

static __always_inline int adopt(struct seq_file *seq, struct sock *sk,
				 const struct owner *o)
{
	int state = sk->__sk_common.skc_state;
	struct conn init = {.owner = *o};
	struct tcp_sock *tp;

	if ((state == TCP_LISTEN) == !!snapshot_connections)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	if (state != TCP_LISTEN && !is_connection(state))
		return 0;
	read_tuple(&init.tuple, tp);
	if (state == TCP_LISTEN)
		adopt_listener(seq, sk, &init);
	else
		adopt_connection(seq, sk, tp, state, &init);
	return 0;
}

/* Leaves the owner for the walk over TCP sockets of that namespace. */
static __always_inline void note_subflow(struct sock *sk, const struct owner *o)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;
	struct owner *first;
	__u64 key;

	if (!bpf_core_field_exists(msk->first))
		return;
	key = (__u64)BPF_CORE_READ(msk, first);
	first = bpf_map_lookup_elem(&subflows, &key);
	if (key && (!first || older(o, first)) &&
	    bpf_map_update_elem(&subflows, &key, o, BPF_ANY) &&
	    !snapshot_connections) /* once, of all walks */
		bump(&lost, LOST_STORAGE);
}

/* Leaves a namespace to be walked. */
static __always_inline void note_namespace(__u32 netns, const struct owner *o,
					   __u32 fd, bool multipath)
{
	struct holder *known = bpf_map_lookup_elem(&namespaces, &netns);
	struct holder h = {
		.pid = o->pid,
		.fd = fd,
		.multipath = multipath,
	};

	if (!known)
		bpf_map_update_elem(&namespaces, &netns, &h, BPF_NOEXIST);
	else if (multipath)
		known->multipath = 1;
}

static __always_inline int snapshot_file(struct seq_file *seq,
					 struct task_struct *task, __u32 fd,
					 struct file *file)
{
	struct socket *sock;
	struct owner o = {};
	struct sock *sk;
	bool multipath;
	__u32 netns;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk || (sk->__sk_common.skc_family != AF_INET &&
		    sk->__sk_common.skc_family != AF_INET6))
		return 0;
	multipath = sk->sk_protocol == IPPROTO_MPTCP;
	if (!multipath && sk->sk_protocol != IPPROTO_TCP)
		return 0;
	netns = read_only(sk)->__sk_common.skc_net.net->ns.inum;
	if (!wanted_netns(netns))
		return 0;
	fill_owner(&o, read_only(task));
	note_namespace(netns, &o, fd, multipath);
	if (!multipath)
		return adopt(seq, sk, &o);
	note_subflow(sk, &o);
	return 0;
}

/* One that the kernel has opened for itself. Those of MPTCP have no user data.
 */
static __always_inline bool of_kernel(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_kern_sock) && sk->sk_user_data;
}

/*
 * Whether a connection belongs to some process, but is not known: the walk over
 * files came by when it had no descriptor. The accept that it comes from was
 * under way, or its file is: to another descriptor, in a message to another
 * process, or into its end. The file of an accept is there before the socket
 * is, and that of a subflow is its MPTCP socket's. With a filter on processes,
 * one that has no number cannot be meant.
 */
static __always_inline bool overlooked(struct tcp_sock *tp, struct tuple *t)
{
	struct sock *sk = (struct sock *)tp;
	struct socket *held = tp->inet_conn.icsk_inet.sk.sk_socket;
	struct mptcp_sock *msk;
	__u64 key = (__u64)tp;
	struct conn *c;

	if (!held || !held->file || (pidns && only_pids) ||
	    !is_connection(sk->__sk_common.skc_state) || of_kernel(sk))
		return false;
	c = bpf_sk_storage_get(&sockets, sk, 0, 0);
	/* What came from a listener under the tracer was not open before. */
	if (c && (!ownerless(c) || (c->role != ROLE_ACTIVE && c->since)))
		return false;
	if (bpf_map_lookup_elem(&accepted, &key))
		return false;
	/* Additional paths are nobody's. */
	if (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp) {
		msk = multipath_of(tp);
		if (!msk || BPF_CORE_READ(msk, first) != sk)
			return false;
	}
	read_tuple(t, tp);
	return wanted(t);
}

static __always_inline int snapshot_socket(struct seq_file *seq,
					   struct sock_common *skc)
{
	__u64 key = (__u64)skc;
	struct owner *o = bpf_map_lookup_elem(&subflows, &key);
	struct conn unowned = {};
	struct tcp_sock *tp;

	if (!skc)
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (!tp)
		return 0;
	if (o)
		adopt(seq, (struct sock *)tp, o);
	if (snapshot_connections && overlooked(tp, &unowned.tuple))
		write(seq, REC_UNOWNED, &unowned);
	return 0;
}

#endif /* TCPGRAPH_SNAPSHOT_H */
