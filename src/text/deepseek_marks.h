/* deepseek_marks.h - the characters that DeepSeek's special tokens are written with. */
#ifndef CADRE_TEXT_DEEPSEEK_MARKS_H
#define CADRE_TEXT_DEEPSEEK_MARKS_H

#define BAR "\xef\xbd\x9c"       /* a wide bar, ... */
#define UNDERLINE "\xe2\x96\x81" /* ... and what stands for a blank */
#define TOOL "<" BAR "tool" UNDERLINE

#endif
