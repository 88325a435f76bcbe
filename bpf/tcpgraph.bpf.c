//go:build ignore

// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Follows every TCP connection from connect or accept to its end.
 *
 * The state of a connection is kept for its socket, never by process or
 * endpoint: see state.h and slots.h. What happens when:
 *
 *   connect    SYN_SENT is entered by the connecting process: note it.
 *   listen     LISTEN is entered by the listening process: note it; the kernel
 *              clones the note into the socket of each incoming connection.
 *   establish  in a soft interrupt, any process: report an outgoing one; let
 *              an incoming one wait for its accept.
 *   accept     report the incoming one with the accepting process.
 *   close      report the end, with counts that are final.
 */
#include <linux/types.h>
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "kernel.h"
#include <bpf/bpf_tracing.h>
#include "wire.h"
#include "state.h"
#include "slots.h"
#include "owner.h"
#include "tuple.h"
#include "bytes.h"
#include "aggregate.h"
#include "transition.h"
#include "accept.h"
#include "connect.h"
#include "snapshot.h"

/* Since Linux 6.10. */
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

static __always_inline bool hold_processor(void)
{
	if (!bpf_preempt_disable)
		return false;
	bpf_preempt_disable();
	return true;
}

static __always_inline void release_processor(bool held)
{
	if (held)
		bpf_preempt_enable();
}

/* What the process itself enters as it closes its side. */
static __always_inline bool begins_to_close(int newstate)
{
	return newstate == TCP_FIN_WAIT1 || newstate == TCP_LAST_ACK;
}

/* The other changes of state tell nothing that is reported. */
static __always_inline bool of_use(int newstate)
{
	return newstate == TCP_ESTABLISHED || newstate == TCP_CLOSE ||
	       newstate == TCP_SYN_SENT || newstate == TCP_LISTEN ||
	       (begins_to_close(newstate) && current_phase == PHASE_SNAPSHOT);
}

/*
 * It is attached nowhere: those below jump to it, where the kernel does not
 * look whether it is running, and so it is loaded only once.
 *
 * So it runs while it runs, on the same processor, and must have a new stack
 * each time. Since Linux 6.13 a program for tracing has one for each processor
 * (see bpf_enable_priv_stack there): two runs would overwrite each other's,
 * which brings the kernel down. A program with a tail call has none; that is
 * what the one here is for.
 *
 * Where a program can be preempted the kernel skips it for whoever runs
 * meanwhile, so that it forbids that as long as it does something. It can still
 * be preempted before and after.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int oldstate, int newstate)
{
	bool held = hold_processor();

	if (begins_to_close(newstate))
		adopt_closing(sk, oldstate);
	else
		transition(sk, oldstate, newstate);
	release_processor(held);
	if (never)
		bpf_tail_call(ctx, &body, 0);
	return 0;
}

static __always_inline int jump(void *ctx, int newstate)
{
	if (of_use(newstate))
		bpf_tail_call(ctx, &body, 0);
	return 0;
}

/*
 * Since Linux 6.1 the kernel skips a program that is running already on the
 * processor: for a soft interrupt, or for another task where tracepoints can be
 * preempted. So two programs are attached, one of which it does not skip; from
 * Linux 7.0 on, whose tracepoints can be preempted, four.
 *
 * The first one notes what it handles. The second one does what is not noted,
 * and counts that: what the first one missed but for that, both have missed.
 * Where they can be preempted a task may go on on another processor in between,
 * so all handle all, and transition finds nothing left.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state_first, struct sock *sk, int oldstate, int newstate)
{
	struct changes *h = preemptible ? NULL : handled_here();

	if (h)
		note_change(h, change_of(ctx, sk, newstate));
	return jump(ctx, newstate);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state_second, struct sock *sk, int oldstate, int newstate)
{
	struct changes *h = preemptible ? NULL : handled_here();

	if (h) {
		if (remove_note(h, change_of(ctx, sk, newstate)))
			return 0;
		h->stood_in++;
	}
	return jump(ctx, newstate);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state_third, struct sock *sk, int oldstate, int newstate)
{
	return jump(ctx, newstate);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state_fourth, struct sock *sk, int oldstate, int newstate)
{
	return jump(ctx, newstate);
}

/*
 * The accept hooks. Before 6.10 inet_csk_accept took four arguments, from then
 * on two (92ef0fd55ac8 "net: change proto and proto_ops accept type"), so its
 * result is in another place; user space loads the program that fits.
 */
SEC("fexit/inet_csk_accept")
int BPF_PROG(accept_exit_2args, struct sock *sk, void *arg, struct sock *child)
{
	return on_accept(child);
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(accept_exit_4args, struct sock *sk, int flags, int *err, bool kern,
	     struct sock *child)
{
	return on_accept(child);
}

SEC("kretprobe/inet_csk_accept")
int BPF_KRETPROBE(accept_return, struct sock *child)
{
	return on_accept(child);
}

SEC("fentry/security_sock_graft")
int BPF_PROG(accept_graft, struct sock *sk)
{
	return on_graft(sk);
}

SEC("kprobe/security_sock_graft")
int BPF_KPROBE(accept_graft_call, struct sock *sk)
{
	return on_graft(sk);
}

/* Both accept and accept4. */
SEC("tracepoint/syscalls/sys_exit_accept4")
int accept_syscall(struct trace_event_raw_sys_exit *ctx)
{
	return on_accept(socket_of_fd(ctx->ret));
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(accept_ring, void *ring, struct io_kiocb *req)
{
	return on_ring_complete(req);
}

/* The connect hooks, for those that fail before SYN_SENT. */
SEC("fexit/tcp_v4_connect")
int BPF_PROG(connect4_exit, struct sock *sk, void *addr, int len, int ret)
{
	connect_ends(sk, addr, false, ret);
	return 0;
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(connect6_exit, struct sock *sk, void *addr, int len, int ret)
{
	connect6_ends(sk, addr, ret);
	return 0;
}

/* Both tcp_v4_connect and tcp_v6_connect. */
SEC("kprobe/tcp_v4_connect")
int BPF_KPROBE(connect_call, struct sock *sk, void *addr)
{
	connect_begins(sk, addr);
	return 0;
}

SEC("kretprobe/tcp_v4_connect")
int BPF_KRETPROBE(connect_return, int ret)
{
	connect_returns(ret);
	return 0;
}

/* The arguments are still in the registers of the caller. */
SEC("tracepoint/syscalls/sys_exit_connect")
int connect_syscall(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs;

	if (!attempted(ctx->ret))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	connect_ends(socket_of_fd((int)PT_REGS_PARM1_CORE_SYSCALL(regs)),
		     (void *)PT_REGS_PARM2_CORE_SYSCALL(regs), true, ctx->ret);
	return 0;
}

/*
 * User space runs these two. They are at no tracepoint: that is the one type of
 * program for tracing which can be run at will since before 5.13, from when on
 * there are loops over tables. (There are iterators over tables, too, but the
 * kernel of this project's machines refuses them, as it does fentry.)
 */

/* Connections that wait for their accept for too long; how many may come to. */
SEC("raw_tp")
int scan_unaccepted(void *ctx)
{
	__u32 left = 0;

	bpf_for_each_map_elem(&pending, report_unaccepted, &left, 0);
	return left;
}

/* Connections that are in no total yet. */
SEC("raw_tp")
int sweep_flows(void *ctx)
{
	bpf_for_each_map_elem(&flows, sweep_flow, NULL, 0);
	return 0;
}

/* What was there before the tracer: all files of all processes. */
SEC("iter/task_file")
int snapshot_files(struct bpf_iter__task_file *ctx)
{
	return snapshot_file(ctx->meta->seq, ctx->task, ctx->fd, ctx->file);
}

/* The sockets of a namespace: subflows, which no file leads to, and what the
 * walk over files has overlooked.
 */
SEC("iter/tcp")
int snapshot_sockets(struct bpf_iter__tcp *ctx)
{
	return snapshot_socket(ctx->meta->seq, ctx->sk_common);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
