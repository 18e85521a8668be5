/* model_write.h - a whole model written: to a folder as Hugging Face has them, or to one GGUF
 * file. */
#ifndef CADRE_WEIGHTS_MODEL_WRITE_H
#define CADRE_WEIGHTS_MODEL_WRITE_H

#include "weights/model_output.h"

/* Files appear under their names whole, the weights first; a failure leaves none. */
cadre_status model_output_write(const compute *c, const model_output *output);

#endif
