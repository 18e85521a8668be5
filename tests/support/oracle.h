/* oracle.h - where the reference numbers lie: $CADRE_ORACLE, else ../shared/oracle. */
#ifndef CADRE_TESTS_ORACLE_H
#define CADRE_TESTS_ORACLE_H

/* The path of a file or folder of the oracle, in a static buffer; NULL, after a loud line, where there is none. */
const char *oracle_path(const char *name);

#endif
