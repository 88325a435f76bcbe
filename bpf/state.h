/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The parameters that user space sets, the maps, and the way of an event to
 * user space.
 */
#ifndef TCPGRAPH_STATE_H
#define TCPGRAPH_STATE_H

/* Set before the programs are loaded; the verifier drops what is off. */
const volatile __u32 only_netns; /* inode; 0: all */
const volatile bool more_netns;	 /* those in the map as well */
const volatile bool only_pids, only_ports, only_cidrs;
const volatile bool no_loopback, no_ipv4, no_ipv6;
/* The tracer's PID namespace, 0 if that is the initial one. */
const volatile __u32 pidns;

/* The state of most sockets that connect is in slots; see slots.h. */
const volatile bool use_slots;
/* False. For a jump that need only be there; see set_state. */
const volatile bool never;
/* A program that handles a tracepoint can be preempted. */
const volatile bool preemptible;
/* Connections are added up, and totals reported; see aggregate.h. */
const volatile bool aggregate;
/* Which totals are being added to. */
volatile __u32 current_epoch;
/* How old a connection must be, in ns, to be reported by itself. */
volatile __u64 aggregate_after;

/*
 * All hooks begin at one instant, once they are attached: what one of them
 * notes, the others do not miss.
 */
enum phase {
	PHASE_ATTACHING, /* nothing is noted */
	PHASE_SNAPSHOT,	 /* what was open before is being adopted */
	PHASE_RUNNING,
};
volatile __u32 current_phase;
/* Set before they begin: an accept hook is attached, and is waited for. */
volatile __u32 accept_hooked;
/* The reader sleeps and wants to be woken. */
volatile __u32 reader_waiting;
/* Which half of the snapshot runs: 0 listeners, 1 connections. */
volatile __u32 snapshot_connections;
/* How old an incoming connection must be, in ns, to be reported unaccepted. */
volatile __u64 unaccepted_after;

enum role {
	ROLE_NONE,
	ROLE_LISTENER, /* in LISTEN; or just inherited from one */
	ROLE_ACTIVE,   /* connects or is connected; reported by its own */
	ROLE_PASSIVE,  /* established from a listener, reported once accepted */
};

/* What is known of a socket. */
struct conn {
	__u64 since; /* connect, then established; 0 if before the tracer */
	struct owner owner;
	struct tuple tuple;
	__u8 role;	/* enum role */
	__u8 how;	/* enum how */
	__u8 direction; /* enum direction */
	__u8 filtered;	/* established, but not wanted */
	__u8 state;	/* the last one that was noted; 0 if the snapshot did */
	__u8 untold;	/* adopted, but its event has found no room yet */
	__u8 pad[2];
	__u32 isn; /* the client's, if connections are added up */
};

/*
 * State of sockets. Inserted on entering LISTEN, on entering SYN_SENT if there
 * is no slot, by the snapshot, and by the kernel itself when a listener is
 * cloned into the socket of an incoming connection. The kernel deletes it with
 * the socket.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct conn);
} sockets SEC(".maps");

/*
 * Incoming connections that were reported, by the address of their socket:
 * the accept hooks have that as a number only, which opens no socket storage.
 * Inserted, never changed in place, by the accept hooks and the scan for
 * unaccepted connections; deleted when the socket enters CLOSE.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, __u64);
	__type(value, struct conn);
} accepted SEC(".maps");

/*
 * Incoming connections that wait for their accept, by the address of their
 * socket. Inserted as they are established, deleted as they are accepted or
 * closed, and by the scan when it has reported them. The scan walks
 * this table and not the sockets' storage: the iterator over that brings
 * Linux 7.3 down when a socket is freed meanwhile.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, __u64);
	__type(value, struct conn);
} pending SEC(".maps");

/*
 * The arguments of tcp_v4_connect and tcp_v6_connect, by thread, where a hook
 * at their return does not see them. Inserted as they are called, deleted as
 * they return. A thread that dies in between leaves its entry to be displaced.
 */
struct connect_args {
	__u64 sk, addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct connect_args);
} connecting SEC(".maps");

/*
 * Failed connects that were reported by their state, by the address of their
 * socket; the value is the thread if it failed within the call, or else 0.
 * Inserted as SYN_SENT is left for CLOSE, deleted as the call returns.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} failed SEC(".maps");

/*
 * Owners of MPTCP sockets by the address of their first subflow. Inserted by
 * the walk over open files and read by the walk over TCP sockets, which then
 * has the subflow as a pointer that opens its storage. Snapshot only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct owner);
} subflows SEC(".maps");

/* A process and its descriptor of a socket, which lead to its namespace. */
struct holder {
	__u32 pid; /* in the tracer's PID namespace */
	__u32 fd;
	__u32 multipath; /* a socket of that namespace is an MPTCP socket */
};

/*
 * Network namespaces of the sockets that the walk over open files met, by their
 * inodes. Inserted by that, read and deleted by user space, which walks the
 * sockets of each. Snapshot only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct holder);
} namespaces SEC(".maps");

/*
 * Sockets of which nothing was known as they closed. Inserted by set_state
 * during the snapshot, which may just be adopting the socket: whichever of the
 * two deletes the entry has seen that the other came too late.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} ended SEC(".maps");

struct port_key {
	__u32 netns;
	__u32 port;
};

/* Ports that listen. Inserted and read by the snapshot only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct port_key);
	__type(value, __u8);
} listening SEC(".maps");

/* The filters, written by user space before the programs are attached. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u8);
} netns_set SEC(".maps"), pids SEC(".maps"), ports SEC(".maps");

struct cidr_key {
	__u32 bits;
	__u8 addr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct cidr_key);
	__type(value, __u8);
} cidrs SEC(".maps");

/* To user space: struct event and struct process. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

/* Where set_state is, for the programs that jump to it. Filled by user space.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} body SEC(".maps");

/*
 * The changes of state that are being handled on a processor, the innermost
 * last, where programs at tracepoints cannot be preempted. Noted by
 * set_state_first and removed by set_state_second. There are two at the most,
 * of a task and of its soft interrupt; a note can stay behind where the kernel
 * skipped set_state_second.
 */
#define SEARCHED    4
#define CHANGES	    8 /* more than that, lest one be found that was removed */
#define STACK_SHIFT 32
#define STACK_BITS  14 /* of the size of a stack, at the least */

struct changes {
	__u64 noted[CHANGES]; /* the one before n is the last */
	__u64 n;	      /* how many were noted, but for those removed */
	__u64 stood_in;	      /* how many set_state_second handled */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct changes);
} handled SEC(".maps");

static __always_inline struct changes *handled_here(void)
{
	__u32 i = 0;

	return bpf_map_lookup_elem(&handled, &i);
}

/*
 * What tells a change from others: where on the stack it is handled, by the
 * context, and what it is of which socket. The hash is that of the connection's
 * ends, and outlives its port.
 */
static __always_inline __u64 change_of(void *ctx, struct sock *sk, int newstate)
{
	return (__u64)half_of(ctx) << STACK_SHIFT |
	       (half_of(sk) ^ sk->__sk_common.skc_hash ^ newstate);
}

/*
 * Stacks grow downwards: what a change has interrupted is on another one, or
 * higher on the same. Other notes were left behind, and are overwritten: many
 * such changes in one interrupt would displace the note of what it interrupted.
 */
static __always_inline bool left_behind(__u64 note, __u64 change)
{
	return note >> (STACK_SHIFT + STACK_BITS) ==
		       change >> (STACK_SHIFT + STACK_BITS) &&
	       note >> STACK_SHIFT <= change >> STACK_SHIFT;
}

static __always_inline void note_change(struct changes *h, __u64 change)
{
	__u64 n = h->n;

	if (left_behind(h->noted[(n - 1) % CHANGES], change))
		n--;
	h->noted[n % CHANGES] = change;
	barrier(); /* an interrupt notes its own after that, or in its place */
	h->n = n + 1;
}

/* Removes a note, and those after it, if it is there. */
static __always_inline bool remove_note(struct changes *h, __u64 change)
{
	__u64 n = h->n;

#pragma unroll
	for (int i = 1; i <= SEARCHED; i++) {
		if (h->noted[(n - i) % CHANGES] == change) {
			h->n = n - i;
			return true;
		}
	}
	return false;
}

/* What was lost, by enum loss. Inserted here, read by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOST_CAUSES);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Incoming connections that began to wait for their accept. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} waiting SEC(".maps");

static __always_inline void bump(void *map, __u32 i)
{
	__u64 *n = bpf_map_lookup_elem(map, &i);

	if (n)
		(*n)++;
}

/* The socket's state, inserted if there was none. */
static __always_inline struct conn *conn_create(struct sock *sk)
{
	struct conn *c = bpf_sk_storage_get(&sockets, sk, 0,
					    BPF_SK_STORAGE_GET_F_CREATE);

	if (!c)
		bump(&lost, LOST_STORAGE);
	return c;
}

/*
 * Waking the reader for each record costs more than all the rest, so it is
 * woken only when it said that it sleeps; otherwise it looks by itself soon.
 */
static __always_inline __u64 wake(void)
{
	if (!reader_waiting)
		return BPF_RB_NO_WAKEUP;
	reader_waiting = 0;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void fill(struct event *e, __u8 type,
				 const struct conn *c)
{
	e->type = type;
	e->how = c->how;
	e->direction = c->direction;
	e->pad0 = 0;
	e->error = 0;
	e->pad1 = 0;
	e->time = 0;
	e->since = c->since;
	e->sent = 0;
	e->received = 0;
	e->owner = c->owner;
	e->tuple = c->tuple;
	e->pad2 = 0;
}

static __always_inline struct event *reserve(__u8 type, const struct conn *c)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (e)
		fill(e, type, c);
	else
		bump(&lost, LOST_RING);
	return e;
}

/* Application bytes of a connection that has closed. */
struct counts {
	__u64 sent, received;
};

static __always_inline void ring_close(const struct conn *c, __u64 since,
				       __u64 time, const struct counts *n)
{
	struct event *e = reserve(REC_CLOSE, c);

	if (!e)
		return;
	e->since = since;
	e->time = time;
	e->sent = n->sent;
	e->received = n->received;
	bpf_ringbuf_submit(e, wake());
}

static __always_inline void ring_open(const struct conn *c, __u64 time)
{
	struct event *e = reserve(REC_OPEN, c);

	if (!e)
		return;
	e->time = time;
	bpf_ringbuf_submit(e, wake());
}

#endif /* TCPGRAPH_STATE_H */
