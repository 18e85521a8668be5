/* page.c - the live page as it is until it has its own sources: the numbers of /events. */
#include "serve/page.h"

const char page_policy[] = "default-src 'none'; script-src 'unsafe-inline'; style-src "
                           "'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action "
                           "'none'; frame-ancestors 'none'";

const char page_text[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>cadre</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>body{font:1em sans-serif;margin:2em}pre{overflow:auto}</style></head>\n"
    "<body><h1>cadre</h1><pre id=\"state\">waiting for /events</pre>\n"
    "<script>\n"
    "const show = e => { const s = JSON.parse(e.data); delete s.load;\n"
    "    document.getElementById('state').textContent = JSON.stringify(s, null, 1); };\n"
    "const feed = new EventSource('events');\n"
    "feed.addEventListener('snapshot', show);\n"
    "feed.addEventListener('delta', show);\n"
    "</script></body></html>\n";
