/* The empty program whose start is the unit of what a process costs. Build: musl-gcc -static -Os -s. */
int main(void) { return 0; }
