/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How much a connection has carried. */
#ifndef TCPGRAPH_BYTES_H
#define TCPGRAPH_BYTES_H

/* The MPTCP socket of its first subflow; NULL for all other sockets. */
static __always_inline struct mptcp_sock *multipath_of(struct tcp_sock *tp)
{
	struct mptcp_subflow_context *ctx;

	if (!bpf_core_field_exists(tp->is_mptcp) || !tp->is_mptcp)
		return NULL;
	ctx = tp->inet_conn.icsk_ulp_data;
	if (!ctx || BPF_CORE_READ_BITFIELD_PROBED(ctx, request_join) ||
	    BPF_CORE_READ_BITFIELD_PROBED(ctx, mp_join))
		return NULL;
	return (struct mptcp_sock *)BPF_CORE_READ(ctx, conn);
}

/*
 * Application bytes. bytes_sent counts no SYN and no FIN, but what is sent
 * again, and bytes_received counts the peer's FIN (tcp_fin in tcp_input.c,
 * which sets SOCK_DONE as it does so).
 */
static __always_inline void count_bytes(struct counts *n, struct sock *sk,
					struct tcp_sock *tp)
{
	enum { SOCK_DONE_BIT = 1 }; /* enum sock_flags, include/net/sock.h */
	__u64 fin = sk->__sk_common.skc_flags >> SOCK_DONE_BIT & 1;
	struct mptcp_sock *msk = multipath_of(tp);

	/*
	 * MPTCP sends bytes again, as new ones of a subflow, when it waits for
	 * its own acknowledgement. Its sockets count since 6.5 (38967f424b5b).
	 */
	if (msk && bpf_core_field_exists(msk->bytes_received)) {
		n->sent = BPF_CORE_READ(msk, bytes_sent);
		n->received = BPF_CORE_READ(msk, bytes_received);
		return;
	}
	n->sent = tp->bytes_sent - tp->bytes_retrans;
	n->received = tp->bytes_received;
	if (n->received)
		n->received -= fin;
}

#endif /* TCPGRAPH_BYTES_H */
