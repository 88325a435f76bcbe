/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The state of sockets that connect is kept in a table of fixed size, by their
 * address: nothing is allocated for it, and nothing freed, as is for the
 * storage of a socket, which costs as much as all the rest of set_state. Where
 * there is no room, and as long as the snapshot runs, it is kept with the
 * socket.
 *
 * Whoever holds the socket's lock has its slot, from SYN_SENT to CLOSE. If no
 * program sees CLOSE, the slot is left to the next socket in the same memory
 * that connects: a socket's cookie is never another's.
 */
#ifndef TCPGRAPH_SLOTS_H
#define TCPGRAPH_SLOTS_H

#define BUCKET_SIZE 4
#define BUCKET_BITS 13 /* 2^15 slots, 3.9 MB */

struct bucket {
	__u64 cookies[BUCKET_SIZE]; /* 0: the slot is free */
	__u64 sockets[BUCKET_SIZE]; /* addresses, of slots that are not free */
	struct conn conns[BUCKET_SIZE];
};

/* Slots are taken as SYN_SENT is entered, and freed as CLOSE is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << BUCKET_BITS);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

static __always_inline struct bucket *bucket_of(struct sock *sk)
{
	/* Knuth's multiplicative hashing, by the golden ratio. */
	__u32 i = half_of(sk) * 0x9e3779b9 >> (32 - BUCKET_BITS);

	return bpf_map_lookup_elem(&buckets, &i);
}

/*
 * Where a number is among those of a bucket, or BUCKET_SIZE. Without branches,
 * so that the verifier does not go through what follows once for each slot.
 */
static __always_inline __u32 find(const __u64 *numbers, __u64 number)
{
	__u64 differ, minus, before = 1, n = 0;

#pragma unroll
	for (int i = 0; i < BUCKET_SIZE; i++) {
		differ = numbers[i] ^ number;
		minus = -differ;
		barrier_var(minus); /* else a branch is made of it */
		before &= (differ | minus) >> 63;
		n += before;
	}
	return n;
}

/* Where the state of a socket is. */
struct place {
	struct conn *c;	  /* NULL: nowhere */
	struct bucket *b; /* NULL: with the socket */
	__u32 slot;
};

static __always_inline struct place place_of(struct sock *sk)
{
	__u64 cookie = read_only(sk)->__sk_common.skc_cookie.counter;
	struct place p = {};
	struct bucket *b;
	__u32 i;

	/* A socket that has a slot was given a cookie for it. */
	b = use_slots && cookie ? bucket_of(sk) : NULL;
	i = b ? find(b->cookies, cookie) : BUCKET_SIZE;
	if (i < BUCKET_SIZE) {
		p.c = &b->conns[i];
		p.b = b;
		p.slot = i;
	} else {
		p.c = bpf_sk_storage_get(&sockets, sk, 0, 0);
	}
	return p;
}

/* Frees the slot, if there is one, after all that was written to it. */
static __always_inline void leave_slot(const struct place *p)
{
	if (!use_slots || !p->b || p->slot >= BUCKET_SIZE)
		return;
	p->b->sockets[p->slot] = 0;
	__sync_lock_test_and_set(&p->b->cookies[p->slot], 0);
}

/*
 * Counts the end of a connection that has not ended when its socket, or the
 * memory of that, begins anew.
 */
static __always_inline void ended_unseen(const struct conn *c)
{
	if (c->role == ROLE_ACTIVE && c->state != TCP_CLOSE && !c->filtered &&
	    c->owner.start)
		bump(&lost, LOST_END);
}

/* A slot for a socket that connects; NULL if there is none. */
static __always_inline struct conn *take_slot(struct sock *sk)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	volatile __u64 address = (__u64)sk;
	struct bucket *b = bucket_of(sk);
	__u32 i;

	if (!b)
		return NULL;
	/* Written to, it is a number as well. Sockets are larger than that. */
	*(volatile __u8 *)&address = 0;
	i = find(b->sockets, address);
	if (i < BUCKET_SIZE) {
		ended_unseen(&b->conns[i]);
		b->cookies[i] = cookie;
	} else {
		i = find(b->cookies, 0);
		if (i >= BUCKET_SIZE ||
		    __sync_val_compare_and_swap(&b->cookies[i], 0, cookie))
			return NULL;
		b->sockets[i] = address;
	}
	return &b->conns[i];
}

/* A place for a socket that has none and connects; its content is not set. */
static __always_inline struct conn *take_place(struct sock *sk)
{
	struct conn *c = NULL;

	if (use_slots && current_phase == PHASE_RUNNING)
		c = take_slot(sk);
	return c ?: conn_create(sk);
}

#endif /* TCPGRAPH_SLOTS_H */
