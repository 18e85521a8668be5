#!/bin/sh
# curve.sh - prints a table x,y of a curve with three pieces and noise, for cadre mixture: falling,
# level, rising.
awk 'function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }
    BEGIN {
        state = 1991
        print "x,y"
        for (i = 0; i < 240; i++) {
            x = 6 * uniform() - 3
            noise = -6
            for (j = 0; j < 12; j++) noise += uniform()
            y = x < -1 ? -1.5 * x - 1 : x < 1.2 ? 0.5 : 2 * x - 4
            printf "%.4f,%.4f\n", x, y + 0.25 * noise
        }
    }'
