/* measure ROOT RUNS RESET STAGE...
 * RUNS times: runs the shell command RESET (untimed), then each STAGE (one string, words separated by spaces) as
 * /usr/bin/wisp inside ROOT by chroot(2), and adds up user and system time of it and of all it waited for.
 * Prints one line: the median over the runs of wall and CPU time of all stages together, of the CPU time of each,
 * and any exit status that was not 0:
 *
 *   wall_us=5123 cpu_us=4310 stages_us=900,1800,700,910 failed=0
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAGES 8
#define WORDS 16

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof *values, ascending);
	return values[n / 2];
}

/* Runs one stage; its CPU time in microseconds. */
static double stage(const char *root, const char *words, int *failed)
{
	char line[512], *argv[WORDS + 1] = {"/usr/bin/wisp"};
	char *envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int n = 1, status;
	struct rusage use;
	snprintf(line, sizeof line, "%s", words);
	for (char *word = strtok(line, " "); word && n < WORDS; word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
	pid_t pid = vfork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0), dup2(null, 1), dup2(null, 2);
		if (chroot(root) || chdir("/"))
			_exit(126);
		execve(argv[0], argv, envp);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0) {
		perror("measure");
		exit(3);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		++*failed;
	return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	if (argc < 5 || argc - 4 > STAGES) {
		fprintf(stderr, "usage: measure ROOT RUNS RESET STAGE...\n");
		return 2;
	}
	int runs = atoi(argv[2]), stages = argc - 4, failed = 0;
	double *wall = calloc(runs, sizeof *wall), *cpu = calloc(runs, sizeof *cpu), *each[STAGES];
	for (int s = 0; s < stages; s++)
		each[s] = calloc(runs, sizeof **each);
	for (int r = 0; r < runs; r++) {
		if (system(argv[3])) {
			fprintf(stderr, "measure: the reset command failed\n");
			return 3;
		}
		double began = now();
		for (int s = 0; s < stages; s++)
			cpu[r] += each[s][r] = stage(argv[1], argv[4 + s], &failed);
		wall[r] = now() - began;
	}
	printf("wall_us=%.0f cpu_us=%.0f stages_us=", median(wall, runs), median(cpu, runs));
	for (int s = 0; s < stages; s++)
		printf("%s%.0f", s ? "," : "", median(each[s], runs));
	printf(" failed=%d\n", failed);
	return 0;
}
