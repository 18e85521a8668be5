/* synthetic.h - makes run folders and recordings for the report's tests: plausible curves, experts that lean to domains. */
#ifndef CADRE_TESTS_REPORT_SYNTHETIC_H
#define CADRE_TESTS_REPORT_SYNTHETIC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/random.h"

typedef struct synthetic {
    int layers, experts, picks, domains, steps, tokens; /* tokens: of a passage */
    bool drops;                                         /* capacity: "dropped" and "entropy" are logged */
} synthetic;

static const char *const synthetic_domain[] = { "de", "en", "es", "fr", "it", "ja", "pt", "zh-cn" };
static const char *const synthetic_text[] = {
    "Das Paket wird nach dem Herunterladen geprüft und eingerichtet.\nDie Datei „sources.list“ nennt die Quellen; wer sie ändert, lädt danach die Verzeichnisse neu. ",
    "The package is verified after the download and then set up.\nThe file \"sources.list\" names the mirrors; whoever edits it reloads the lists afterwards. ",
    "El paquete se comprueba tras la descarga y luego se configura.\nEl archivo «sources.list» nombra los servidores; quien lo cambia vuelve a leer las listas. ",
    "Le paquet est vérifié après le téléchargement, puis configuré.\nLe fichier « sources.list » nomme les miroirs ; qui le modifie relit ensuite les listes. ",
    "Il pacchetto viene verificato dopo lo scaricamento e poi configurato.\nIl file «sources.list» elenca i server; chi lo cambia rilegge poi gli elenchi. ",
    "パッケージは取得した後に検査され、設定されます。\n「sources.list」には取得元が書かれており、変更した人は一覧を読み直します。",
    "O pacote é verificado depois da transferência e em seguida configurado.\nO ficheiro «sources.list» indica os servidores; quem o altera relê as listas. ",
    "软件包在下载之后会经过校验，然后进行配置。\n文件“sources.list”列出了镜像；修改它的人随后要重新读取列表。",
};

static double synthetic_noise(const char *use, uint64_t a, uint64_t b) { return random_uniform(random_key_of(7, use, a, b), 0); }

/* How much expert e of layer s is drawn to domain d. */
static double synthetic_pull(const synthetic *run, int s, int d, int e)
{
    int home = (int)(synthetic_noise("home", (uint64_t)s, (uint64_t)e) * run->domains);
    double lean = 0.4 + 2.4 * (double)(s + 1) / run->layers;
    double pull = 0.6 * synthetic_noise("pull", (uint64_t)(s * 1000 + e), (uint64_t)d);
    bool kin = (d == 2 && home == 6) || (d == 6 && home == 2) || (d == 4 && home == 2); /* es, pt, it */
    return exp(pull + (home == d ? lean : kin ? lean * 0.6 : 0));
}

static FILE *synthetic_open(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) abort();
    return f;
}

static void synthetic_layers(FILE *f, const synthetic *run)
{
    fprintf(f, "\"sparse_layers\":[");
    for (int s = 0; s < run->layers; s++)
        fprintf(f, "%s{\"layer\":%d,\"experts\":%d,\"topk\":%d}", s ? "," : "", s + 1, run->experts, run->picks);
    fprintf(f, "]");
}

static void synthetic_description(const char *folder, const synthetic *run)
{
    FILE *f = synthetic_open(folder, "run.json");
    fprintf(f, "{\"recipe\":\"mixtral\",\"model_type\":\"mixtral\",\"parameters\":7480320,\"active_parameters\":2630144,\"width\":256,\"layers\":%d,"
               "\"vocab\":4096,", run->layers + 1);
    synthetic_layers(f, run);
    fprintf(f, ",\"domains\":[");
    for (int d = 0; d < run->domains; d++) fprintf(f, "%s\"%s\"", d ? "," : "", synthetic_domain[d % 8]);
    fprintf(f, "],\"options\":{\"lr\":0.003,\"min_lr_ratio\":0.1,\"warmup\":40,\"schedule\":\"wsd\",\"batch\":16,\"context\":256,\"router\":\"softmax-renorm\","
               "\"topk\":%d,\"aux_loss\":0.01,\"z_loss\":0.001,\"clip\":1,\"weight_decay\":0.1,\"beta1\":0.9,\"beta2\":0.95,\"jitter\":0,\"capacity_factor\":null,"
               "\"tie_head\":true,\"experts\":[%d,%d],\"data\":\"/var/text/de\",\"seed\":1},\"seconds\":183.4,\"tokens\":%d,\"steps\":%d}\n",
            run->picks, run->experts, run->experts, run->steps * 4096, run->steps);
    fclose(f);
}

static void synthetic_layer_metric(FILE *f, const synthetic *run, const char *key, int step, double begin, double end, double spread)
{
    fprintf(f, ",\"%s\":[", key);
    for (int s = 0; s < run->layers; s++) {
        double now = end + (begin - end) * exp(-step / (0.08 * run->steps + 1)) * (1 + 0.4 * s / run->layers);
        double value = now * (1 + spread * (synthetic_noise(key, (uint64_t)step, (uint64_t)s) - 0.5));
        fprintf(f, "%s%.4f", s ? "," : "", strcmp(key, "dead") ? value : floor(value));
    }
    fprintf(f, "]");
}

static void synthetic_loads(FILE *f, const synthetic *run, int step)
{
    fprintf(f, ",\"loads\":[");
    for (int s = 0; s < run->layers; s++) {
        fprintf(f, "%s[", s ? "," : "");
        double early = exp(-step / (0.1 * run->steps + 1));
        for (int e = 0; e < run->experts; e++) {
            double fixed = synthetic_noise("fixed", (uint64_t)s, (uint64_t)e), now = synthetic_noise("now", (uint64_t)(step * 64 + s), (uint64_t)e);
            double load = 0.7 + 0.5 * fixed * fixed + 0.3 * now;
            load = load * (1 - early) + early * 3 * fixed * fixed * fixed;
            if (early > 0.6 && fixed < 0.35) load = 0;
            fprintf(f, "%s%d", e ? "," : "", (int)(load * 4096 * run->picks / run->experts));
        }
        fprintf(f, "]");
    }
    fprintf(f, "]");
}

static void synthetic_metrics(const char *folder, const synthetic *run)
{
    FILE *f = synthetic_open(folder, "metrics.jsonl");
    for (int i = 0; i < run->steps; i++) {
        double t = (double)i / run->steps, noise = synthetic_noise("loss", (uint64_t)i, 0) - 0.5;
        double loss = 2.05 + 4.2 * exp(-t * 18) + 2.07 * exp(-t * 3) + 0.22 * noise;
        double lr = 0.003 * fmin(1, (i + 1) / 40.0) * (t > 0.8 ? 1 - 0.9 * (t - 0.8) / 0.2 : 1);
        fprintf(f, "{\"step\":%d,\"loss\":%.5f,\"aux_loss\":%.5f,\"z_loss\":%.6f,\"grad_norm\":%.4f,\"lr\":%.6g,\"tokens\":%d,\"tokens_per_second\":%.1f", i + 1,
                loss, 0.0101 + 0.004 * exp(-t * 20) + 0.0003 * noise, 0.002 + 0.003 * exp(-t * 9) + 0.0002 * noise,
                0.45 + 2.6 * exp(-t * 30) + 0.2 * noise, lr, (i + 1) * 4096, 27800 + 900 * noise);
        synthetic_layer_metric(f, run, "max_vio", i, 3.1, 0.32, 0.5);
        synthetic_layer_metric(f, run, "dead", i, 5, 0, 0.6);
        if (run->drops) {
            synthetic_layer_metric(f, run, "dropped", i, 0.31, 0.012, 0.4);
            synthetic_layer_metric(f, run, "entropy", i, 1.7, log(run->experts) * 0.97, 0.02);
        }
        synthetic_loads(f, run, i);
        if (i % (run->steps / 10 + 1) == run->steps / 10) fprintf(f, ",\"valid_loss\":%.4f", loss + 0.12 - 0.2 * noise);
        fprintf(f, "}\n");
    }
    fclose(f);
}

/* The picks of one token, the likeliest first, and weights that sum to 1. */
static void synthetic_routes(FILE *f, const synthetic *run, int d, uint64_t token)
{
    int pick[16][64];
    fprintf(f, "\"experts\":[");
    for (int s = 0; s < run->layers; s++) {
        bool taken[4096] = { false };
        fprintf(f, "%s[", s ? "," : "");
        for (int k = 0; k < run->picks; k++) {
            int best = 0;
            double most = -1;
            for (int e = 0; e < run->experts; e++) {
                double score = synthetic_pull(run, s, d, e) * -1 / log(synthetic_noise("pick", token * 64 + (uint64_t)s, (uint64_t)e));
                if (!taken[e] && score > most) most = score, best = e;
            }
            taken[best] = true;
            pick[s % 16][k % 64] = best;
            fprintf(f, "%s%d", k ? "," : "", best);
        }
        fprintf(f, "]");
    }
    fprintf(f, "],\"weights\":[");
    for (int s = 0; s < run->layers; s++) {
        fprintf(f, "%s[", s ? "," : "");
        double left = 1;
        for (int k = 0; k < run->picks; k++) {
            double w = k == run->picks - 1 ? left : left * (0.5 + 0.3 * synthetic_noise("weight", token, (uint64_t)(s * 64 + pick[s % 16][k % 64])));
            fprintf(f, "%s%.6f", k ? "," : "", w);
            left -= w;
        }
        fprintf(f, "]");
    }
    fprintf(f, "]");
}

/* The next pseudo-token of a text: up to four characters of a word, a leading space with them. */
static size_t synthetic_token(const char *text, uint64_t serial)
{
    size_t size = 0;
    int letters = 1 + (int)(synthetic_noise("cut", serial, 0) * 4);
    if ((unsigned char)*text >= 0xE3) letters = 1 + letters / 3;
    for (int i = 0; i < letters && text[size] && !(i && strchr(" \n", text[size])); i++)
        for (size++; ((unsigned char)text[size] & 0xC0) == 0x80;) size++;
    return size;
}

static void synthetic_tokens(FILE *f, const synthetic *run, int d, const char *between, int prompt)
{
    const char *whole = synthetic_text[d % 8], *text = whole;
    for (int t = 0; t < run->tokens; t++) {
        size_t size = synthetic_token(text, (uint64_t)(d * 10000 + t));
        fprintf(f, "%s{\"token\":%d,\"text\":\"", t ? between : "", 256 + t);
        for (size_t i = 0; i < size; i++) {
            if (text[i] == '\n') fprintf(f, "\\n");
            else fprintf(f, text[i] == '"' ? "\\\"" : "%c", text[i]);
        }
        fprintf(f, "\",");
        synthetic_routes(f, run, d, (uint64_t)(d * 10000 + t));
        fprintf(f, prompt ? ",\"prompt\":%s}" : "}", t < prompt ? "true" : "false");
        text += size;
        if (!*text) text = whole;
    }
}

static void synthetic_counts(FILE *f, const synthetic *run)
{
    fprintf(f, "],\"domain_expert\":[");
    for (int s = 0; s < run->layers; s++) {
        fprintf(f, "%s[", s ? "," : "");
        for (int d = 0; d < run->domains; d++) {
            double sum = 0;
            fprintf(f, "%s[", d ? "," : "");
            for (int e = 0; e < run->experts; e++) sum += synthetic_pull(run, s, d, e);
            for (int e = 0; e < run->experts; e++)
                fprintf(f, "%s%d", e ? "," : "", (int)(20000 * synthetic_pull(run, s, d, e) / sum));
            fprintf(f, "]");
        }
        fprintf(f, "]");
    }
}

static void synthetic_analysis(const char *folder, const synthetic *run)
{
    FILE *f = synthetic_open(folder, "analysis.json");
    fprintf(f, "{\"domains\":[");
    for (int d = 0; d < run->domains; d++)
        fprintf(f, "%s{\"name\":\"%s\",\"bytes\":%d,\"tokens\":%d,\"bits_per_byte\":%.4f}", d ? "," : "", synthetic_domain[d % 8], 39000 + 1700 * d, 10100 + 400 * d,
                1.5 + 0.5 * synthetic_noise("bits", (uint64_t)d, 0));
    synthetic_counts(f, run);
    fprintf(f, "],\"passages\":[");
    for (int d = 0; d < run->domains; d++) {
        fprintf(f, "%s{\"domain\":\"%s\",\"tokens\":[", d ? "," : "", synthetic_domain[d % 8]);
        synthetic_tokens(f, run, d, ",", 0);
        fprintf(f, "]}");
    }
    fprintf(f, "],\"samples\":[");
    for (int d = 0; d < run->domains; d++) {
        const char *text = synthetic_text[d % 8], *end = strchr(text, '\n');
        fprintf(f, "%s{\"domain\":\"%s\",\"prompt\":\"%.*s\",\"text\":\" %.*s … %.*s\"}", d ? "," : "", synthetic_domain[d % 8], (int)(end - text), text,
                (int)(end - text), text, (int)(end - text), text);
    }
    fprintf(f, "]}\n");
    fclose(f);
}

static void synthetic_compare(const char *folder, const synthetic *run)
{
    static const char *const name[] = { "xz -9e", "xz -9e, primed" };
    static const char *const note[] = { "the validation text alone", "what the validation text adds to the compressed training text" };
    FILE *f = synthetic_open(folder, "compare.json");
    for (int i = 0; i < 2; i++) {
        fprintf(f, "%s{\"name\":\"%s\",\"note\":\"%s\",\"domains\":{", i ? "," : "[", name[i], note[i]);
        for (int d = 0; d < run->domains; d++)
            fprintf(f, "%s\"%s\":%.4f", d ? "," : "", synthetic_domain[d % 8], (i ? 1.62 : 2.3) + 0.5 * synthetic_noise("xz", (uint64_t)d, (uint64_t)i));
        fprintf(f, "}}");
    }
    fprintf(f, "]\n");
    fclose(f);
}

static void synthetic_run(const char *folder, const synthetic *run)
{
    mkdir(folder, 0777);
    synthetic_description(folder, run);
    synthetic_metrics(folder, run);
    synthetic_analysis(folder, run);
    synthetic_compare(folder, run);
}

/* A recording whose first half of tokens is the prompt. */
static void synthetic_recording(const char *folder, const char *name, const synthetic *run)
{
    mkdir(folder, 0777);
    FILE *f = synthetic_open(folder, name);
    fprintf(f, "{\"cadre_routes\":1,\"model\":\"tiny-olmoe\",\"architecture\":\"olmoe\",");
    synthetic_layers(f, run);
    fprintf(f, "}\n");
    synthetic_tokens(f, run, 1, "\n", run->tokens / 2);
    fprintf(f, "\n");
    fclose(f);
}

#endif
