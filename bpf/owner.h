/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Who a task is, and what its process runs. */
#ifndef TCPGRAPH_OWNER_H
#define TCPGRAPH_OWNER_H

/* MAX_PID_NS_LEVEL + 1, include/linux/pid_namespace.h */
#define PIDNS_DEPTH 33
#define EXE_DEPTH   48	/* components and mounts that are followed */
#define NAME_LEN    256 /* NAME_MAX + 1 */

/* A process by its number in the initial namespace. */
struct process_key {
	__u64 start;
	__u32 tgid;
	__u32 pad;
};

/* Processes whose struct process was sent, with the exec that it tells of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct process_key);
	__type(value, __u32);
} described SEC(".maps");

/* Where the walk up a path is. */
struct walk {
	__u64 dentry, vfs;
	__u32 off;
	__u32 pad;
};

#define PROCESS_BUFS 4

struct process_buf {
	__u32 busy; /* a program that was interrupted here is not done */
	__u32 last_exec;
	struct process_key last; /* who is known to have been described */
	struct walk walk;
	struct process head;
	__u8 data[EXE_MAX + ARGS_MAX + NAME_LEN];
};

/*
 * Where a struct process is put together; too large for the stack. One is not
 * enough where a program can be interrupted by another on the same processor:
 * preemptible kernels, which all are on x86 from 7.0 on, do so now and then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROCESS_BUFS);
	__type(key, __u32);
	__type(value, struct process_buf);
} process_bufs SEC(".maps");

static __always_inline struct task_struct *current_task(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return read_only(task);
}

/* The number of a process in the tracer's PID namespace; 0 if it has none. */
static __always_inline __u32 visible_pid(struct task_struct *leader)
{
	struct pid *pid;
	void *numbers;
	__u32 level;

	if (!pidns)
		return leader->tgid;
	pid = BPF_CORE_READ(leader, thread_pid);
	level = BPF_CORE_READ(pid, level);
	numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	for (__u32 i = 0; i < PIDNS_DEPTH && i <= level; i++) {
		struct upid *u = numbers + i * bpf_core_type_size(struct upid);

		if (BPF_CORE_READ(u, ns, ns.inum) == pidns)
			return BPF_CORE_READ(u, nr);
	}
	return 0;
}

static __always_inline void fill_owner(struct owner *o,
				       struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	o->start = leader->start_boottime;
	o->cgroup = task->cgroups->dfl_cgrp->kn->id;
	o->pid = visible_pid(leader);
	o->uid = task->cred->euid.val;
	bpf_probe_read_kernel(o->comm, sizeof(o->comm), leader->comm);
}

/* What a loop over paths goes through, for the number of its entries. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EXE_DEPTH);
	__type(key, __u32);
	__type(value, __u64);
} steps SEC(".maps");

struct climb {
	struct process_buf *b;
	__u32 len; /* set at the top */
};

/* A step up the path of an executable; not 0 if it was the last one. */
static long climb_step(struct bpf_map *map, const __u32 *key, void *value,
		       struct climb *c)
{
	__u32 in_mount = bpf_core_field_offset(struct mount, mnt);
	struct walk *w = &c->b->walk;
	struct vfsmount *vfs = (struct vfsmount *)w->vfs;
	struct dentry *d = (struct dentry *)w->dentry, *up;
	__u32 off = w->off;
	long n;

	if (d == BPF_CORE_READ(vfs, mnt_root)) {
		struct mount *m = (void *)vfs - in_mount, *parent;

		parent = BPF_CORE_READ(m, mnt_parent);
		if (parent == m) {
			c->len = off;
			return 1;
		}
		w->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		w->vfs = (__u64)parent + in_mount;
		return 0;
	}
	up = BPF_CORE_READ(d, d_parent);
	if (up == d || off >= EXE_MAX - NAME_LEN)
		return 1;
	/* Bounds that 6.1 keeps when it spills what is masked. */
	barrier_var(off);
	off &= EXE_MAX - 1;
	n = bpf_probe_read_kernel_str(c->b->data + off, NAME_LEN,
				      BPF_CORE_READ(d, d_name.name));
	if (n <= 0)
		return 1;
	w->off = off + n;
	w->dentry = (__u64)up;
	return 0;
}

/*
 * Writes the components of the executable's path, leaf first, each with its
 * NUL; returns their length, 0 if the path has none or is too deep. The path
 * is the one that the root of the process's mount namespace sees. The verifier
 * goes through a step of such a loop once, and not once for each.
 */
static __always_inline __u32 exe_path(struct process_buf *b,
				      struct mm_struct *mm)
{
	struct file *exe = BPF_CORE_READ(mm, exe_file);
	struct climb c = {.b = b};

	b->walk.dentry = (__u64)BPF_CORE_READ(exe, f_path.dentry);
	b->walk.vfs = (__u64)BPF_CORE_READ(exe, f_path.mnt);
	b->walk.off = 0;
	bpf_for_each_map_elem(&steps, climb_step, &c, 0);
	return c.len;
}

/* A buffer that no program which was interrupted on this processor uses. */
static __always_inline struct process_buf *free_process_buf(void)
{
	struct process_buf *b;
	__u32 i;

	for (i = 0; i < PROCESS_BUFS; i++) {
		__u32 key = i; /* the verifier loses count of what is passed */

		b = bpf_map_lookup_elem(&process_bufs, &key);
		if (b && !b->busy)
			return b;
	}
	return NULL;
}

/*
 * Sends what the current process runs, once for each exec: by the time that
 * user space looks, a short-lived process is gone.
 */
static __always_inline void describe_current(struct task_struct *task,
					     const struct owner *o)
{
	struct task_struct *leader = task->group_leader;
	struct process_key key = {.start = o->start, .tgid = leader->tgid};
	struct mm_struct *mm = task->mm;
	__u32 exec = leader->self_exec_id, zero = 0, exe_len, args_len, *seen;
	unsigned long args, total;
	struct process_buf *b;

	b = bpf_map_lookup_elem(&process_bufs, &zero);
	if (!mm || !b)
		return;
	/* Mostly it is the same as the last time on this processor. */
	if (b->last.start == key.start && b->last.tgid == key.tgid &&
	    b->last_exec == exec)
		return;
	seen = bpf_map_lookup_elem(&described, &key);
	if (seen && *seen == exec) {
		b->last = key;
		b->last_exec = exec;
		return;
	}
	b = free_process_buf();
	if (!b) {
		bump(&lost, LOST_DETAIL);
		return;
	}
	b->busy = 1;
	exe_len = exe_path(b, mm) & (EXE_MAX - 1); /* for the verifier */
	args = BPF_CORE_READ(mm, arg_start);
	total = BPF_CORE_READ(mm, arg_end) - args;
	args_len = total < ARGS_MAX ? total : ARGS_MAX;
	barrier_var(args_len);
	if (args_len > ARGS_MAX ||
	    bpf_probe_read_user(b->data + exe_len, args_len, (void *)args))
		args_len = 0;
	b->head = (struct process){
		.type = REC_PROCESS,
		.pid = o->pid,
		.start = o->start,
		.exe_len = exe_len,
		.args_len = args_len,
		.args_total = total,
	};
	if (bpf_ringbuf_output(&events, &b->head,
			       sizeof(b->head) + exe_len + args_len, wake()))
		bump(&lost, LOST_DETAIL);
	else
		bpf_map_update_elem(&described, &key, &exec, BPF_ANY);
	b->busy = 0;
}

/* Whether the owner that is known so far is wanted. */
static __always_inline bool owner_wanted(const struct conn *c)
{
	__u32 pid = c->owner.pid;

	return !only_pids || bpf_map_lookup_elem(&pids, &pid);
}

/*
 * The current process as an owner, described. False if it is not wanted. Not
 * inlined, since it is large and called from several places. (Were it not
 * static, the verifier would go through it only once, but that of 6.12 lets no
 * such function be called where preemption is forbidden.)
 */
static __noinline bool own_by_current(struct conn *c)
{
	struct task_struct *task = current_task();

	if (!c) /* for the verifier of some kernels */
		return false;
	c->how = HOW_DIRECT;
	fill_owner(&c->owner, task);
	if (!owner_wanted(c))
		return false;
	describe_current(task, &c->owner);
	return true;
}

#endif /* TCPGRAPH_OWNER_H */
