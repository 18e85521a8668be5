/* page_files.h - the page's style and scripts, from web/, as the build embeds them. */
#ifndef CADRE_REPORT_PAGE_FILES_H
#define CADRE_REPORT_PAGE_FILES_H

extern const char page_style[];  /* web/page_style.css */
extern const char page_start[];  /* web/page_start.js, before it */
extern const char page_script[]; /* web/page_script.js */

#endif
