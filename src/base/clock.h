/* clock.h - how long things take. */
#ifndef CADRE_BASE_CLOCK_H
#define CADRE_BASE_CLOCK_H

double clock_seconds(void);           /* of the monotonic clock */
double clock_processor_seconds(void); /* that the processors have worked for this process */

#endif
