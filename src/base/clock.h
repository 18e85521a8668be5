/* clock.h - reads the clocks of the system. */
#ifndef CADRE_BASE_CLOCK_H
#define CADRE_BASE_CLOCK_H

double clock_seconds(void);           /* monotonic */
double clock_processor_seconds(void); /* of all processors together, for this process */
void clock_sleep(double seconds);

#endif
