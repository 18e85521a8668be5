/* page.h - the live page and its Content-Security-Policy, which tools/live-page.sh makes from the
 * files in web/. The page loads nothing from elsewhere. */
#ifndef CADRE_SERVE_PAGE_H
#define CADRE_SERVE_PAGE_H

extern const char live_page[], live_policy[];

#endif
