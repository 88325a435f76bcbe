/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Totals in place of events, if user space asks for them.
 *
 * Both halves of a connection note here what they would have reported. When
 * both have closed, the connection is added to the total of all that were
 * between the same two processes, and of which nothing else is reported. Of one
 * that is the first between its processes, and of one that lasts, all is
 * reported as without totals. So each connection is in one of the two, whole.
 */
#ifndef TCPGRAPH_AGGREGATE_H
#define TCPGRAPH_AGGREGATE_H

/* A connection, from the side that connected to the one that accepted. */
struct flow_key {
	__u8 client[16];
	__u8 server[16];
	__u32 isn; /* tells apart what several namespaces have at once */
	__u16 client_port;
	__u16 server_port;
};

/* Bits that are set once each, atomically; (1 << side) shifts the first four.
 */
enum flow_flags {
	FLOW_OPEN = 1,
	FLOW_CLOSED = 4,
	FLOW_OPEN_TOLD = 16,
	FLOW_CLOSE_TOLD = 64,
	FLOW_SINGLE = 256, /* is reported by itself */
	FLOW_DONE = 512,   /* all was told, or added up */
};

struct flow {
	__u64 flags;
	struct side sides[2];
};

/*
 * Connections, by both ends. Inserted by the half that opens first. Deleted a
 * while after they are done: an entry can be used for another at once (since
 * the hash tables allocate by themselves, 6.1), so nobody may look at it any
 * more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/* Inserted here, read and deleted by user space when their epoch is over. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct total_key);
	__type(value, struct total);
} totals SEC(".maps");

/* Pairs of processes of which a connection was reported by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct total_key);
	__type(value, __u8);
} told SEC(".maps");

/* Addresses of this machine, as far as sockets had them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct addr);
	__type(value, __u8);
} locals SEC(".maps");

/* What new entries are made of, since they are too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct total);
} zeros SEC(".maps");

static __always_inline void note_local(const __u8 *addr)
{
	struct addr key;
	__u8 one = 1;

	__builtin_memcpy(&key, addr, sizeof(key));
	if (!bpf_map_lookup_elem(&locals, &key))
		bpf_map_update_elem(&locals, &key, &one, BPF_ANY);
}

static __always_inline bool is_local(const __u8 *addr)
{
	struct addr key;

	if (is_loopback(addr))
		return true;
	__builtin_memcpy(&key, addr, sizeof(key));
	return bpf_map_lookup_elem(&locals, &key);
}

static __always_inline void flow_key(struct flow_key *k, const struct conn *c)
{
	const struct tuple *t = &c->tuple;

	k->isn = c->isn;
	if (c->direction == DIR_INCOMING) {
		__builtin_memcpy(k->client, t->remote, 16);
		__builtin_memcpy(k->server, t->local, 16);
		k->client_port = t->remote_port;
		k->server_port = t->local_port;
	} else {
		__builtin_memcpy(k->client, t->local, 16);
		__builtin_memcpy(k->server, t->remote, 16);
		k->client_port = t->local_port;
		k->server_port = t->remote_port;
	}
}

/*
 * The first sequence number of the side that connected, which both sides know.
 * What it has acknowledged counts from there on, SYN and FIN included
 * (tcp_snd_una_update), and so does what the other side has received from the
 * number after it (tcp_rcv_nxt_update).
 */
static __always_inline __u32 client_isn(struct tcp_sock *tp, bool server)
{
	if (server)
		return tp->rcv_nxt - (__u32)tp->bytes_received - 1;
	return tp->snd_una - (__u32)tp->bytes_acked;
}

/* The same of an accepted socket that is only a number, and not locked. */
static __always_inline __u32 probe_client_isn(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 next = BPF_CORE_READ(tp, rcv_nxt), again;
	__u64 received;

	for (int i = 0; i < 3; i++) {
		received = BPF_CORE_READ(tp, bytes_received);
		again = BPF_CORE_READ(tp, rcv_nxt);
		if (next == again)
			return next - (__u32)received - 1;
		next = again;
	}
	return 0;
}

static __always_inline void
total_key(struct total_key *t, const struct flow_key *k, const struct flow *f)
{
	const struct side *c = &f->sides[SIDE_CLIENT];
	const struct side *s = &f->sides[SIDE_SERVER];

	t->client_start = c->owner.start;
	t->server_start = s->owner.start;
	t->client_pid = c->owner.pid;
	t->server_pid = s->owner.pid;
	t->client_netns = c->netns;
	t->server_netns = s->netns;
	__builtin_memcpy(t->client, k->client, 16);
	__builtin_memcpy(t->server, k->server, 16);
	t->port = k->server_port;
	t->client_how = c->how;
	t->server_how = s->how;
	t->epoch = 0;
}

static __always_inline void ring_side(const struct flow_key *k,
				      const struct side *s, bool server,
				      __u8 type)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		bump(&lost, LOST_RING);
		return;
	}
	e->type = type;
	e->how = s->how;
	e->direction = server ? DIR_INCOMING : DIR_OUTGOING;
	e->pad0 = 0;
	e->error = 0;
	e->pad1 = 0;
	e->time = type == REC_OPEN ? s->opened : s->closed;
	e->since = s->since;
	e->sent = type == REC_OPEN ? 0 : s->sent;
	e->received = type == REC_OPEN ? 0 : s->received;
	e->owner = s->owner;
	__builtin_memcpy(e->tuple.local, server ? k->server : k->client, 16);
	__builtin_memcpy(e->tuple.remote, server ? k->client : k->server, 16);
	e->tuple.netns = s->netns;
	e->tuple.ifindex = s->ifindex;
	e->tuple.local_port = server ? k->server_port : k->client_port;
	e->tuple.remote_port = server ? k->client_port : k->server_port;
	e->pad2 = 0;
	bpf_ringbuf_submit(e, wake());
}

/* Reports what happened on one side and was not reported yet. */
static __always_inline void tell_side(const struct flow_key *k, struct flow *f,
				      bool server)
{
	struct side *s = &f->sides[server];
	__u64 flags = f->flags;

	if (flags & FLOW_OPEN << server &&
	    !(__sync_fetch_and_or(&f->flags, FLOW_OPEN_TOLD << server) &
	      FLOW_OPEN_TOLD << server))
		ring_side(k, s, server, REC_OPEN);
	if (flags & FLOW_CLOSED << server &&
	    !(__sync_fetch_and_or(&f->flags, FLOW_CLOSE_TOLD << server) &
	      FLOW_CLOSE_TOLD << server))
		ring_side(k, s, server, REC_CLOSE);
}

static __noinline int tell(const struct flow_key *k, struct flow *f)
{
	if (!k || !f)
		return 0;
	tell_side(k, f, false);
	tell_side(k, f, true);
	return 0;
}

/* From now on it is reported by itself, unless it is in a total already. */
static __always_inline void tell_single(const struct flow_key *k,
					struct flow *f)
{
	if (!(__sync_fetch_and_or(&f->flags, FLOW_SINGLE) & FLOW_DONE))
		tell(k, f);
}

/* Whether nothing more is to come: of a peer elsewhere nothing is expected. */
static __always_inline bool finished(const struct flow_key *k, __u64 flags)
{
	bool client = flags & FLOW_OPEN << SIDE_CLIENT;
	bool server = flags & FLOW_OPEN << SIDE_SERVER;

	if (client && !(flags & FLOW_CLOSED << SIDE_CLIENT))
		return false;
	if (server && !(flags & FLOW_CLOSED << SIDE_SERVER))
		return false;
	return (client && server) || !is_local(client ? k->server : k->client);
}

static __always_inline void add_side(struct side *to, const struct side *s)
{
	__sync_fetch_and_add(&to->sent, s->sent);
	__sync_fetch_and_add(&to->received, s->received);
	to->closed = s->closed;
}

static __always_inline void begin_side(struct side *to, const struct side *s)
{
	to->owner = s->owner;
	to->opened = s->opened;
	to->netns = s->netns;
	to->ifindex = s->ifindex;
	to->how = s->how;
}

/* Adds a connection to its total; false if there is no room for a new one. */
static __always_inline bool add_total(const struct flow_key *k,
				      const struct flow *f)
{
	struct total_key key;
	struct total *t, *zero;
	__u32 z = 0;

	total_key(&key, k, f);
	key.epoch = current_epoch;
	t = bpf_map_lookup_elem(&totals, &key);
	if (!t) {
		zero = bpf_map_lookup_elem(&zeros, &z);
		if (!zero)
			return false;
		bpf_map_update_elem(&totals, &key, zero, BPF_NOEXIST);
		t = bpf_map_lookup_elem(&totals, &key);
		if (!t)
			return false;
		begin_side(&t->sides[SIDE_CLIENT], &f->sides[SIDE_CLIENT]);
		begin_side(&t->sides[SIDE_SERVER], &f->sides[SIDE_SERVER]);
		t->client_port = k->client_port;
	}
	add_side(&t->sides[SIDE_CLIENT], &f->sides[SIDE_CLIENT]);
	add_side(&t->sides[SIDE_SERVER], &f->sides[SIDE_SERVER]);
	__sync_fetch_and_add(&t->count, 1);
	return true;
}

/* Ends a connection of which all was heard: it is told, or added up. */
static __noinline int finish(const struct flow_key *k, struct flow *f)
{
	__u64 was;

	if (!k || !f)
		return 0;
	was = __sync_fetch_and_or(&f->flags, FLOW_DONE);
	if (was & FLOW_DONE)
		return 0;
	if (was & FLOW_SINGLE || !add_total(k, f))
		tell(k, f);
	return 0;
}

/* The first connection between its two processes is reported at once. */
static __noinline int tell_first(const struct flow_key *k, struct flow *f)
{
	struct total_key key;
	__u8 one = 1;

	if (!k || !f)
		return 0;
	total_key(&key, k, f);
	if (bpf_map_lookup_elem(&told, &key))
		return 0;
	bpf_map_update_elem(&told, &key, &one, BPF_ANY);
	tell_single(k, f);
	return 0;
}

/* Notes that a half has opened; false if it is to be reported by itself. */
static __noinline bool flow_open(const struct conn *c, __u64 time)
{
	bool server;
	struct flow_key k;
	struct flow *f;
	struct side *s;
	__u64 flags;
	void *zero;
	__u32 z = 0;

	if (!c)
		return false;
	server = c->direction == DIR_INCOMING;
	flow_key(&k, c);
	note_local(c->tuple.local);
	f = bpf_map_lookup_elem(&flows, &k);
	if (!f) {
		zero = bpf_map_lookup_elem(&zeros, &z);
		if (!zero)
			return false;
		bpf_map_update_elem(&flows, &k, zero, BPF_NOEXIST);
		f = bpf_map_lookup_elem(&flows, &k);
		if (!f)
			return false;
	}
	/* The same endpoints again, or in another namespace. */
	if (f->flags & (FLOW_OPEN << server | FLOW_DONE))
		return false;
	s = &f->sides[server];
	s->owner = c->owner;
	s->opened = time;
	s->since = c->since;
	s->netns = c->tuple.netns;
	s->ifindex = c->tuple.ifindex;
	s->how = c->how;
	flags = __sync_fetch_and_or(&f->flags, FLOW_OPEN << server);
	if (flags & FLOW_SINGLE)
		tell(&k, f);
	else if (flags & FLOW_OPEN << !server || !is_local(c->tuple.remote))
		tell_first(&k, f);
	return true;
}

/* Notes that a half has closed; false if it is to be reported by itself. */
static __noinline bool flow_close(const struct conn *c, __u64 since, __u64 time,
				  const struct counts *n)
{
	bool server;
	struct flow_key k;
	struct flow *f;
	struct side *s;
	__u64 flags;

	if (!c || !n)
		return false;
	server = c->direction == DIR_INCOMING;
	flow_key(&k, c);
	f = bpf_map_lookup_elem(&flows, &k);
	if (!f)
		return false;
	s = &f->sides[server];
	if (!(f->flags & FLOW_OPEN << server) ||
	    f->flags & FLOW_CLOSED << server || s->netns != c->tuple.netns)
		return false;
	s->owner = c->owner; /* the real one, where that came late */
	s->how = c->how;
	s->since = since;
	s->closed = time;
	s->sent = n->sent;
	s->received = n->received;
	flags = __sync_fetch_and_or(&f->flags, FLOW_CLOSED << server);
	flags |= FLOW_CLOSED << server;
	if (flags & FLOW_SINGLE)
		tell(&k, f);
	if (finished(&k, flags))
		finish(&k, f);
	return true;
}

#define FLOW_LINGER 50000000 /* ns: much more than a program takes */

/*
 * Connections that last are reported by themselves, so that they are not known
 * only when they end. Those that are done are deleted.
 */
static long sweep_flow(struct bpf_map *map, const struct flow_key *key,
		       struct flow *f, void *unused)
{
	__u64 flags, opened, closed, now = bpf_ktime_get_boot_ns();
	struct side *c, *s;
	struct flow_key k = *key;

	c = &f->sides[SIDE_CLIENT];
	s = &f->sides[SIDE_SERVER];
	flags = f->flags;
	if (flags & FLOW_DONE) {
		closed = c->closed > s->closed ? c->closed : s->closed;
		if (now - closed > FLOW_LINGER)
			bpf_map_delete_elem(&flows, &k);
		return 0;
	}
	if (!(flags & (FLOW_OPEN | FLOW_OPEN << SIDE_SERVER)))
		return 0; /* is just being inserted */
	opened = flags & FLOW_OPEN ? c->opened : s->opened;
	if (now - opened < aggregate_after)
		return 0;
	if (!(flags & FLOW_SINGLE))
		tell_single(&k, f);
	flags = f->flags;
	if (!(flags & ~(flags >> 2) & (FLOW_OPEN | FLOW_OPEN << SIDE_SERVER)))
		finish(&k, f); /* not open on any side; its peer never came */
	return 0;
}

/* The two ways of a half's events. */
static __always_inline void emit_open(const struct conn *c, __u64 time)
{
	if (aggregate && c->how != HOW_SNAPSHOT && flow_open(c, time))
		return;
	ring_open(c, time);
}

static __always_inline void emit_close(struct sock *sk, struct tcp_sock *tp,
				       const struct conn *c, __u64 since)
{
	struct counts n;
	__u64 time = bpf_ktime_get_boot_ns();

	count_bytes(&n, sk, tp);
	if (aggregate && flow_close(c, since, time, &n))
		return;
	ring_close(c, since, time, &n);
}

#endif /* TCPGRAPH_AGGREGATE_H */
