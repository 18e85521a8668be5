/* page.h - the live page: one text without anything from elsewhere. */
#ifndef CADRE_SERVE_PAGE_H
#define CADRE_SERVE_PAGE_H

extern const char page_text[], page_policy[];

#endif
