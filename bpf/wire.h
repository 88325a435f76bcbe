/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What goes between the programs and user space. Native byte order, except
 * that addresses are in network order; explicit padding, always zeroed.
 */
#ifndef TCPGRAPH_WIRE_H
#define TCPGRAPH_WIRE_H

#define COMM_LEN 16 /* TASK_COMM_LEN, include/linux/sched.h */
#define EXE_MAX	 4096
#define ARGS_MAX 4096

/* The first byte of every record. */
enum record_type {
	REC_OPEN = 1,
	REC_CLOSE,
	REC_FAIL,
	REC_PROCESS,
	REC_LISTENER, /* found by the snapshot: its owner, tuple */
	REC_UNOWNED,  /* found by the snapshot, but in no process: its tuple */
};

/* How an owner is known. */
enum how {
	HOW_DIRECT,
	HOW_LISTENER,
	HOW_SNAPSHOT,
};

enum direction {
	DIR_UNKNOWN,
	DIR_OUTGOING,
	DIR_INCOMING,
};

/* A process; all zero if it is not known. */
struct owner {
	__u64 start;	     /* ns since boot, suspension included; not 0 */
	__u64 cgroup;	     /* id in the unified hierarchy */
	__u32 pid;	     /* thread group, in the tracer's PID namespace;
				0 if it has none there */
	__u32 uid;	     /* effective, in the initial user namespace */
	__u8 comm[COMM_LEN]; /* of the thread-group leader */
};

/* The two ends of a connection. IPv4 is mapped into IPv6. */
struct tuple {
	__u8 local[16];
	__u8 remote[16];
	__u32 netns;   /* inode */
	__u32 ifindex; /* of a bound interface: the zone of link-local ones */
	__u16 local_port; /* host byte order, both */
	__u16 remote_port;
};

/* A connection or a listener, without pointers. */
struct event {
	__u8 type;	/* enum record_type */
	__u8 how;	/* enum how */
	__u8 direction; /* enum direction */
	__u8 pad0;
	__u16 error; /* REC_FAIL: errno, or ERR_KILLED */
	__u16 pad1;
	__u64 time;	      /* ns since boot, suspension included */
	__u64 since;	      /* when it opened, likewise; 0: not known */
	__u64 sent, received; /* application bytes */
	struct owner owner;
	struct tuple tuple;
	__u32 pad2;
};
_Static_assert(sizeof(struct event) == 128, "the wire format is fixed");

#define ERR_KILLED 0xffff

/* REC_PROCESS: what a process runs. Sent before the first event that it owns.
 */
struct process {
	__u8 type;
	__u8 pad0[3];
	__u32 pid;
	__u64 start;
	__u32 exe_len;	/* of the path's components, leaf first, each NUL-ended
			 */
	__u32 args_len; /* of the argument vector, at most ARGS_MAX */
	__u64 args_total; /* its whole length */
			  /* exe_len bytes, then args_len bytes */
};
_Static_assert(sizeof(struct process) == 32, "the wire format is fixed");

enum { SIDE_CLIENT, SIDE_SERVER };

/* One half of a connection, or of many. */
struct side {
	struct owner owner;
	__u64 opened; /* the first */
	__u64 closed; /* the last */
	__u64 since;
	__u64 sent, received; /* application bytes */
	__u32 netns;
	__u32 ifindex;
	__u8 how; /* enum how */
	__u8 pad[7];
};

/* The processes at both ends, and where they met; zero where not known. */
struct total_key {
	__u64 client_start, server_start;
	__u32 client_pid, server_pid;
	__u32 client_netns, server_netns;
	__u8 client[16], server[16];
	__u32 epoch;
	__u16 port;
	__u8 client_how, server_how;
};
_Static_assert(sizeof(struct total_key) == 72, "a key has no padding");

/* Connections that opened and closed, of which nothing else is reported. */
struct total {
	__u64 count;
	struct side sides[2]; /* client, server */
	__u16 client_port;    /* of one of them */
	__u8 pad[6];
};

/* Why something could not be reported. The index of the counter. */
enum loss {
	LOST_RING,    /* the ring buffer was full: an event */
	LOST_DETAIL,  /* the same: what a process runs */
	LOST_STORAGE, /* no memory for a socket's state */
	LOST_TABLE,   /* the table of accepted connections was full */
	LOST_END,     /* no program saw the end of a connection */
	LOST_CAUSES,
};

/* Keeps the types in the object, from which the Go bindings are made. */
const struct event *unused_event __attribute__((unused));
const struct total *unused_total __attribute__((unused));
const struct total_key *unused_total_key __attribute__((unused));
const struct process *unused_process __attribute__((unused));
const enum record_type *unused_record_type __attribute__((unused));
const enum how *unused_how __attribute__((unused));
const enum direction *unused_direction __attribute__((unused));
const enum loss *unused_loss __attribute__((unused));
const enum phase *unused_phase __attribute__((unused));

#endif /* TCPGRAPH_WIRE_H */
