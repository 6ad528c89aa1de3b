/* entered LIST OUT PROG ARG...
 * Runs PROG, a static program at a fixed address, and writes to OUT which of the functions at the addresses in LIST (hexadecimal,
 * one a line) it entered, in the order of their first call. Each has a breakpoint until then, so that this costs a few milliseconds.
 * What PROG clones is looked at too, what that executes is not. x86-64.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDRESSES (1ul << 24)
#define BREAKPOINT 0xccul

static unsigned char replaced[ADDRESSES], set[ADDRESSES];

/* Puts a byte of the traced program's text. */
static long put(pid_t pid, unsigned long at, unsigned long byte)
{
	unsigned long word = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
	ptrace(PTRACE_POKETEXT, pid, at, (word & ~0xfful) | byte);
	return word & 0xff;
}

int main(int argc, char **argv)
{
	unsigned long at;
	int status;
	if (argc < 4) {
		fprintf(stderr, "usage: entered LIST OUT PROG ARG...\n");
		return 2;
	}
	FILE *list = fopen(argv[1], "r"), *out = fopen(argv[2], "w");
	if (!list || !out) {
		perror("entered");
		return 3;
	}
	pid_t first = fork();
	if (first == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(argv[3], argv + 3);
		_exit(127);
	}
	waitpid(first, &status, 0);
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "entered: cannot run %s\n", argv[3]);
		return 3;
	}
	long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	ptrace(PTRACE_SETOPTIONS, first, 0, options);
	while (fscanf(list, "%lx", &at) == 1)
		if (at < ADDRESSES && !set[at]) {
			replaced[at] = put(first, at, BREAKPOINT);
			set[at] = 1;
		}
	ptrace(PTRACE_CONT, first, 0, 0);
	pid_t pid;
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (pid == first)
				break;
			continue;
		}
		int pass = WSTOPSIG(status), event = status >> 16;
		if (event == PTRACE_EVENT_EXEC) {
			ptrace(PTRACE_DETACH, pid, 0, 0);
			continue;
		}
		struct user_regs_struct registers;
		if (pass == SIGTRAP && event == 0) {
			ptrace(PTRACE_GETREGS, pid, 0, &registers);
			at = registers.rip - 1;
			if (at < ADDRESSES && set[at]) {
				/* A fork has a copy of the text, in which it may be entered again. */
				put(pid, at, replaced[at]);
				registers.rip = at;
				ptrace(PTRACE_SETREGS, pid, 0, &registers);
				if (set[at] == 1)
					fprintf(out, "%016lx\n", at);
				set[at] = 2;
				pass = 0;
			}
		}
		ptrace(PTRACE_CONT, pid, 0, event || pass == SIGSTOP ? 0 : pass);
	}
	return fclose(out) || !WIFEXITED(status);
}
