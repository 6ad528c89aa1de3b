/* stage COMMAND [ARG...]: runs one stage in the guest and prints one line about it:
 *
 *   stage: exit=0 wall_us=41234 cpu_us=20111 peak_kib=388 init --local
 *
 * cpu is of the command and of all it waited for. peak is the largest VmHWM (proc(5)) of the processes
 * that ended as COMMAND's own program: those of the user's scripts are not counted. The kernel keeps
 * VmHWM until a process ends, so each is stopped for a moment at its exit (ptrace(2), PTRACE_O_TRACEEXIT)
 * and read; ru_maxrss would not do: it begins at the size of whoever called fork. Kernels before 6.2 count
 * pages in lots of 64, so a small process shows a VmHWM below what it has mapped at its end: then that
 * (smaps_rollup's Rss) is its peak. A command that a signal ended exits 128 and the number of the signal,
 * as a shell says it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct stat program;
static long peak_kib;

static long long micros(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

static int is_program(pid_t pid)
{
	char path[64];
	struct stat exe;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	return stat(path, &exe) == 0 && exe.st_dev == program.st_dev && exe.st_ino == program.st_ino;
}

/* Raises the peak to the "NAME: N kB" of a file of /proc/PID. */
static void read_peak(pid_t pid, const char *file, const char *name)
{
	char line[256], path[64];
	long kib;
	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	FILE *from = fopen(path, "r");
	while (from && fgets(line, sizeof line, from))
		if (strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), ": %ld", &kib) == 1 &&
		    kib > peak_kib)
			peak_kib = kib;
	if (from)
		fclose(from);
}

static void note_peak(pid_t pid)
{
	if (is_program(pid)) {
		read_peak(pid, "status", "VmHWM");
		read_peak(pid, "smaps_rollup", "Rss");
	}
}

/* Lets a stopped tracee go on, with the signal that was meant for it where it was stopped by one. */
static void go_on(pid_t pid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);
	if (event == PTRACE_EVENT_EXIT)
		note_peak(pid);
	/* Stopped for good (SIGSTOP and its like): listen, so that it stays stopped until SIGCONT. */
	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		ptrace(PTRACE_LISTEN, pid, 0, 0);
		return;
	}
	ptrace(PTRACE_CONT, pid, 0, event ? 0 : signal);
}

static pid_t start(char **command)
{
	int gate[2];
	char byte;
	if (pipe(gate) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		close(gate[1]);
		/* Until the parent follows this process. */
		if (read(gate[0], &byte, 1) < 0)
			_exit(127);
		close(gate[0]);
		execv(command[0], command);
		_exit(127);
	}
	close(gate[0]);
	long follow = PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	if (pid > 0 && ptrace(PTRACE_SEIZE, pid, 0, follow) < 0)
		fprintf(stderr, "stage: no peak: ptrace: %s\n", strerror(errno));
	close(gate[1]);
	return pid;
}

int main(int count, char **argument)
{
	struct timespec begin, end;
	struct rusage used;
	int status = 0;
	if (count < 2 || stat(argument[1], &program) < 0) {
		fprintf(stderr, "usage: stage /PATH/OF/COMMAND [ARG...]\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid_t first = start(argument + 1);
	for (;;) {
		pid_t pid = wait4(-1, &status, __WALL, &used);
		if (pid < 0 && errno != EINTR)
			return 3;
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status))
			go_on(pid, status);
		else if (pid == first)
			break;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("stage: exit=%d wall_us=%lld cpu_us=%lld peak_kib=%ld", code,
	       ((end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec) / 1000,
	       micros(used.ru_utime) + micros(used.ru_stime), peak_kib);
	for (int i = 2; i < count; i++)
		printf(" %s", argument[i]);
	printf("\n");
	return code;
}
