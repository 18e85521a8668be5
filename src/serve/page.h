/* page.h - the live page, as tools/live-page.sh puts it together of the files in web/: one text
 * without anything from elsewhere, and what a browser may do for it. */
#ifndef CADRE_SERVE_PAGE_H
#define CADRE_SERVE_PAGE_H

extern const char live_page[], live_policy[];

#endif
