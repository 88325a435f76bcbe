/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a change of a socket's TCP state means. */
#ifndef TCPGRAPH_TRANSITION_H
#define TCPGRAPH_TRANSITION_H

#define SHUTDOWN_MASK 3 /* include/net/sock.h */

/* Linux's numbers, include/uapi/asm-generic/errno.h. */
#define EADDRNOTAVAIL 99
#define ECANCELED     125

/*
 * A socket begins to listen or to connect, in the process that wants it; the
 * local port of one that connects is often not chosen yet.
 */
static __always_inline int on_begin(struct sock *sk, struct tcp_sock *tp,
				    struct conn *c, bool connects)
{
	if (!c)
		c = connects ? take_place(sk) : conn_create(sk);
	if (!c)
		return 0;
	c->filtered = !own_by_current(c) && connects;
	read_tuple(&c->tuple, tp);
	c->role = connects ? ROLE_ACTIVE : ROLE_LISTENER;
	c->direction = connects ? DIR_OUTGOING : DIR_INCOMING;
	c->since = connects ? bpf_ktime_get_boot_ns() : 0;
	c->state = connects ? TCP_SYN_SENT : TCP_LISTEN;
	c->untold = 0;
	if (!connects)
		c->how = HOW_LISTENER;
	return 0;
}

/* Notes that a connection waits for its accept, if it could be the listener's.
 */
static __always_inline void await_accept(struct sock *sk, struct conn *c)
{
	__u64 key = (__u64)sk;

	if (c->filtered || !owner_wanted(c))
		return;
	/* Without room for it, it is reported when it is accepted or ends. */
	if (bpf_map_update_elem(&pending, &key, c, BPF_ANY))
		bump(&lost, LOST_TABLE);
	bump(&waiting, 0);
}

/*
 * Whether a connection was accepted that is not established yet (TCP Fast
 * Open). A socket that connects can be in that state, too, but is not
 * connected.
 */
static __always_inline bool accepted_early(struct tcp_sock *tp, int state)
{
	struct socket *held = tp->inet_conn.icsk_inet.sk.sk_socket;

	return state == TCP_SYN_RECV && held && held->state == SS_CONNECTED;
}

static __always_inline int on_established(struct sock *sk, struct tcp_sock *tp,
					  struct conn *c)
{
	struct socket *held = tp->inet_conn.icsk_inet.sk.sk_socket;
	int state = sk->__sk_common.skc_state; /* that is the old one still */
	__u64 key = (__u64)sk;
	bool early;

	if (!c) {
		c = conn_create(sk);
		if (!c)
			return 0;
		/*
		 * A socket that is held by no process yet, or that was accepted
		 * under the tracer, came in through a listener that is not
		 * known. Otherwise the connect began before the tracer, or the
		 * accept ended before, and the snapshot will tell its owner.
		 */
		early = accepted_early(tp, state);
		if (early && bpf_map_lookup_elem(&accepted, &key))
			held = NULL;
		c->role = held ? ROLE_ACTIVE : ROLE_LISTENER;
		c->how = HOW_LISTENER;
		c->direction = held && !early ? DIR_OUTGOING : DIR_INCOMING;
	} else if (c->state == TCP_SYN_RECV) {
		/* The snapshot has reported it already. */
		c->state = TCP_ESTABLISHED;
		return 0;
	}
	c->state = TCP_ESTABLISHED;
	c->since = bpf_ktime_get_boot_ns();
	read_tuple(&c->tuple, tp);
	if (!wanted(&c->tuple))
		c->filtered = 1;
	if (aggregate) {
		note_local(c->tuple.local);
		c->isn = client_isn(tp, c->direction == DIR_INCOMING);
	}
	if (c->role == ROLE_LISTENER) {
		c->role = ROLE_PASSIVE;
		if (accept_hooked) {
			await_accept(sk, c);
			return 0;
		}
	}
	/* With no owner, it waits for the snapshot, or for its end. */
	if (!c->filtered && c->owner.start && owner_wanted(c))
		emit_open(c, c->since);
	return 0;
}

/*
 * The entry of a reported incoming connection. One that is another's has been
 * left by a connection whose end no program saw, and is dropped.
 */
static __always_inline struct conn *accepted_as(__u64 key,
						const struct tuple *t)
{
	struct conn *a = bpf_map_lookup_elem(&accepted, &key);

	if (!a || same_tuple(&a->tuple, t))
		return a;
	bump(&lost, LOST_END);
	bpf_map_delete_elem(&accepted, &key);
	return NULL;
}

/* Why a connect failed. The kernel keeps a reason only if the network gave it.
 */
static __always_inline __u16 connect_error(struct sock *sk, struct tcp_sock *tp)
{
	struct task_struct *task = current_task();
	struct socket *sock = tp->inet_conn.icsk_inet.sk.sk_socket;

	if (sk->sk_err)
		return sk->sk_err;
	/*
	 * inet_stream_connect leaves SS_UNCONNECTED only when the connect was
	 * sent: no port, or no memory, was left.
	 */
	if (sk->sk_shutdown != SHUTDOWN_MASK && sock &&
	    sock->state == SS_UNCONNECTED)
		return EADDRNOTAVAIL;
	if (task->flags & PF_EXITING && task->signal->group_exit_code & 0x7f)
		return ERR_KILLED;
	return ECANCELED;
}

static __always_inline void emit_fail(struct sock *sk, struct tcp_sock *tp,
				      struct conn *c)
{
	__u64 key = (__u64)sk, thread = 0;
	struct event *e;
	__u16 error;

	read_tuple(&c->tuple, tp);
	if (c->filtered || !c->owner.start || !wanted(&c->tuple))
		return;
	error = connect_error(sk, tp);
	if (error == EADDRNOTAVAIL && !sk->sk_err)
		thread = bpf_get_current_pid_tgid();
	bpf_map_update_elem(&failed, &key, &thread, BPF_ANY);
	e = reserve(REC_FAIL, c);
	if (!e)
		return;
	e->time = bpf_ktime_get_boot_ns();
	e->error = error;
	bpf_ringbuf_submit(e, wake());
}

/* The state of a socket that the snapshot adopts as it closes. */
static __always_inline struct conn *adopted_meanwhile(struct sock *sk)
{
	__u64 key = (__u64)sk;
	__u8 one = 1;
	struct conn *c;

	bpf_map_update_elem(&ended, &key, &one, BPF_ANY);
	c = bpf_sk_storage_get(&sockets, sk, 0, 0);
	return c && !bpf_map_delete_elem(&ended, &key) ? c : NULL;
}

static __always_inline int on_close(struct sock *sk, struct tcp_sock *tp,
				    struct conn *c, int oldstate)
{
	struct conn *a = NULL;
	__u64 key = (__u64)sk, since;
	struct tuple now;
	bool early;

	if (!c && oldstate != TCP_LISTEN && current_phase == PHASE_SNAPSHOT)
		c = adopted_meanwhile(sk);
	early = c && c->state == TCP_SYN_RECV;
	if (c)
		c->state = TCP_CLOSE;
	if (oldstate == TCP_LISTEN)
		return 0;
	if (c && c->role == ROLE_ACTIVE) {
		if ((oldstate == TCP_SYN_SENT || oldstate == TCP_SYN_RECV) &&
		    !early) {
			emit_fail(sk, tp, c);
		} else if (!c->filtered && c->owner.start) {
			/* If both report it, user space drops the double. */
			if (c->untold)
				emit_open(c, bpf_ktime_get_boot_ns());
			emit_close(sk, tp, c, c->since);
		}
		/* Its accept was under way as the snapshot adopted it. */
		if (c->how == HOW_SNAPSHOT && accept_hooked)
			bpf_map_delete_elem(&accepted, &key);
		return 0;
	}
	if (accept_hooked) {
		read_tuple(&now, tp);
		a = accepted_as(key, &now);
	}
	if (a) {
		since = c ? c->since : 0;
		/*
		 * TCP Fast Open: accepted before it was established, or without
		 * that. Then it may be in the other table as well.
		 */
		if (c && (c->role == ROLE_LISTENER || a->since < since)) {
			since = a->since;
			bpf_map_delete_elem(&pending, &key);
		}
		emit_close(sk, tp, a, since);
		bpf_map_delete_elem(&accepted, &key);
		return 0;
	}
	if (!c || c->role != ROLE_PASSIVE || c->filtered)
		return 0;
	bpf_map_delete_elem(&pending, &key);
	if (!owner_wanted(c))
		return 0;
	/* Never accepted: its only owner is the listener's, if that is known.
	 */
	if (accept_hooked || !c->owner.start)
		emit_open(c, c->since);
	emit_close(sk, tp, c, c->since);
	return 0;
}

/*
 * Whether the socket of a connection closes that was open, but of which no
 * program saw ESTABLISHED: it went from SYN_RECV to closing (TCP Fast Open), or
 * the kernel ran none.
 */
static __always_inline bool unseen(const struct conn *c, int oldstate)
{
	if (oldstate == TCP_SYN_SENT || oldstate == TCP_SYN_RECV ||
	    oldstate == TCP_LISTEN || oldstate == TCP_CLOSE)
		return false;
	return c->role == ROLE_LISTENER ||
	       (c->role == ROLE_ACTIVE && c->state == TCP_SYN_SENT);
}

/*
 * It may be called twice for a change of state. Then it finds what it noted the
 * first time; what concerns a socket without state leaves nothing to do.
 */
static __always_inline int transition(struct sock *sk, int oldstate,
				      int newstate)
{
	struct tcp_sock *tp;
	struct place p;

	/* MPTCP sockets pass here too; their subflows are what connects. */
	if (!current_phase || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (!wanted_netns(read_only(sk)->__sk_common.skc_net.net->ns.inum))
		return 0;
	p = place_of(sk);
	if (p.c && p.c->state == newstate)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	if (newstate == TCP_LISTEN || newstate == TCP_SYN_SENT) {
		if (p.c)
			ended_unseen(p.c);
		/* The kernel clones what is kept with the socket. */
		if (newstate == TCP_LISTEN && p.b) {
			leave_slot(&p);
			p.c = NULL;
		}
		return on_begin(sk, tp, p.c, newstate == TCP_SYN_SENT);
	}
	if (newstate == TCP_ESTABLISHED || (p.c && unseen(p.c, oldstate)))
		on_established(sk, tp, p.c);
	if (newstate == TCP_CLOSE) {
		on_close(sk, tp, p.c, oldstate);
		leave_slot(&p);
	}
	return 0;
}

#endif /* TCPGRAPH_TRANSITION_H */
