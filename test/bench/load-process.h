// What a process has used, from /proc.
#ifndef LOAD_PROCESS_H
#define LOAD_PROCESS_H

// CPU time (µs) of all threads of a process, by the scheduler's own clock: /proc/PID/stat counts in ticks of 10 ms, too
// coarse for a slice of half a second. Ends the program when there is no such process, or no such clock.
double process_cpu_us(int pid);

#endif
