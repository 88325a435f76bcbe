/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A socket's endpoints, read in one place each for the two kinds of pointer. */
#ifndef TCPGRAPH_TUPLE_H
#define TCPGRAPH_TUPLE_H

/* An IPv6 address, as words that may stand at any multiple of four. */
struct addr {
	__u32 w[4];
};

static __always_inline void map_ipv4(__u8 *to, __u32 addr)
{
	__u32 *w = (__u32 *)to;

	w[0] = 0;
	w[1] = 0;
	w[2] = bpf_htonl(0xffff);
	w[3] = addr;
}

/*
 * With CONFIG_IPV6 the kernel keeps IPv4 addresses in the IPv6 fields as well,
 * mapped (sk_daddr_set, sk_rcv_saddr_set in include/net/inet_sock.h), so those
 * serve both families.
 */
static __always_inline bool has_ipv6(void)
{
	return bpf_core_field_exists(struct sock_common, skc_v6_daddr);
}

/*
 * From a pointer that the verifier knows to be a socket. The local port comes
 * from inet_sport, which outlives skc_num: that is zero once CLOSE is entered.
 */
static __always_inline void read_tuple(struct tuple *t, struct tcp_sock *tp)
{
	struct sock_common *skc = &tp->inet_conn.icsk_inet.sk.__sk_common;
	__u32 *l = (__u32 *)t->local, *r = (__u32 *)t->remote;

	t->netns = skc->skc_net.net->ns.inum;
	t->ifindex = skc->skc_bound_dev_if;
	t->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	t->remote_port = bpf_ntohs(skc->skc_dport);
	if (!has_ipv6()) {
		map_ipv4(t->local, skc->skc_rcv_saddr);
		map_ipv4(t->remote, skc->skc_daddr);
		return;
	}
	l[0] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[0];
	l[1] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[1];
	l[2] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[2];
	l[3] = skc->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
	r[0] = skc->skc_v6_daddr.in6_u.u6_addr32[0];
	r[1] = skc->skc_v6_daddr.in6_u.u6_addr32[1];
	r[2] = skc->skc_v6_daddr.in6_u.u6_addr32[2];
	r[3] = skc->skc_v6_daddr.in6_u.u6_addr32[3];
}

/* Whether two sockets are the same as far as their connection goes. */
static __always_inline bool same_tuple(const struct tuple *a,
				       const struct tuple *b)
{
	return a->netns == b->netns && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port &&
	       !__builtin_memcmp(a->remote, b->remote, 16);
}

#define COMMON(type, field)                                                    \
	(*(type *)(common + bpf_core_field_offset(struct sock_common, field)))

/* What probe_socket returns beside the tuple; 0 if it could not read. */
#define PROBED(protocol, family, state)                                        \
	(1ULL << 63 | (__u64)(state) << 32 | (__u64)(family) << 16 | (protocol))
#define PROBED_PROTOCOL(p) ((__u16)(p))
#define PROBED_FAMILY(p)   ((__u16)((p) >> 16))
#define PROBED_STATE(p)	   ((__u8)((p) >> 32))

/*
 * From an address that is only a number to the verifier, in few reads. The
 * local port is zero once CLOSE is entered. Not inlined, for the sake of the
 * stack: the kernel's struct sock_common has 136 bytes.
 */
static __noinline __u64 probe_socket(struct tuple *t, struct sock *sk)
{
	__u8 common[160];
	__u32 size = bpf_core_type_size(struct sock_common);
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	struct net *net;

	if (!t || size > sizeof(common) ||
	    bpf_probe_read_kernel(common, size, sk))
		return 0;
	net = COMMON(struct net *, skc_net);
	t->netns = BPF_CORE_READ(net, ns.inum);
	t->ifindex = COMMON(__u32, skc_bound_dev_if);
	t->local_port = COMMON(__u16, skc_num);
	t->remote_port = bpf_ntohs(COMMON(__u16, skc_dport));
	if (has_ipv6()) {
		*(struct addr *)t->local =
			COMMON(struct addr, skc_v6_rcv_saddr);
		*(struct addr *)t->remote = COMMON(struct addr, skc_v6_daddr);
	} else {
		map_ipv4(t->local, COMMON(__u32, skc_rcv_saddr));
		map_ipv4(t->remote, COMMON(__u32, skc_daddr));
	}
	return PROBED(protocol, COMMON(__u16, skc_family),
		      COMMON(__u8, skc_state));
}

static __always_inline bool is_ipv4(const __u8 *addr)
{
	const __u32 *w = (const __u32 *)addr;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback(const __u8 *addr)
{
	const __u32 *w = (const __u32 *)addr;

	if (is_ipv4(addr))
		return addr[12] == 127;
	return !w[0] && !w[1] && !w[2] && w[3] == bpf_htonl(1);
}

static __always_inline bool in_cidrs(const __u8 *addr)
{
	struct cidr_key key = {.bits = 128};

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&cidrs, &key);
}

static __always_inline bool in_ports(__u32 port)
{
	return bpf_map_lookup_elem(&ports, &port);
}

static __always_inline bool wanted_netns(__u32 netns)
{
	if (!only_netns || netns == only_netns)
		return true;
	return more_netns && bpf_map_lookup_elem(&netns_set, &netns);
}

/*
 * The filters on endpoints. A port or a network is looked for at both ends, so
 * that both halves of a connection pass, or neither.
 */
static __always_inline bool wanted(const struct tuple *t)
{
	if (!wanted_netns(t->netns))
		return false;
	if (no_ipv4 && is_ipv4(t->remote))
		return false;
	if (no_ipv6 && !is_ipv4(t->remote))
		return false;
	if (no_loopback && is_loopback(t->remote))
		return false;
	if (only_ports && !in_ports(t->local_port) && !in_ports(t->remote_port))
		return false;
	if (only_cidrs && !in_cidrs(t->local) && !in_cidrs(t->remote))
		return false;
	return true;
}

#endif /* TCPGRAPH_TUPLE_H */
