# Reference numbers of limma and edgeR on counts.tsv. Writes donors.tsv, genes.tsv, camera.tsv and versions.txt.
# Run in this folder: Rscript limma.R
suppressMessages({library(limma); library(edgeR)})
args <- commandArgs(trailingOnly = TRUE)
folder <- if (length(args)) args[1] else "."
read <- function(name, ...) read.delim(file.path(folder, name), ...)
write <- function(x, name) {
  numeric <- sapply(x, is.numeric)
  x[numeric] <- lapply(x[numeric], signif, digits = 9)
  write.table(x, file.path(folder, name), sep = "\t", quote = FALSE, row.names = FALSE)
}
counts <- as.matrix(read("counts.tsv", row.names = 1, check.names = FALSE))
donors <- read("design.tsv")
arm <- factor(donors$condition, levels = c("Control", "ALS"))
design <- if (any(names(donors) == "age")) model.matrix(~ as.vector(scale(donors$age)) + arm) else model.matrix(~ arm)
last <- ncol(design)

kept <- filterByExpr(counts, group = arm, min.count = 10, min.total.count = 15)
y <- DGEList(counts[kept, ])
y <- calcNormFactors(y, method = "TMM")
write(data.frame(donor = colnames(counts), tmm = y$samples$norm.factors, size = y$samples$lib.size), "donors.tsv")

v <- voom(y, design, span = 0.5)
voom_fit <- eBayes(lmFit(v, design))
logs <- cpm(y, log = TRUE, prior.count = 3)
trend_fit <- eBayes(lmFit(logs, design), trend = TRUE)
columns <- function(fit, name) {
  out <- data.frame(
    effect = fit$coefficients[, last], error = fit$stdev.unscaled[, last] * sqrt(fit$s2.post),
    t = fit$t[, last], p = fit$p.value[, last], sd = sqrt(fit$s2.post))
  names(out) <- paste(name, names(out), sep = "_")
  out
}
genes <- data.frame(
  gene = rownames(y), average = voom_fit$Amean, weight_first = v$weights[, 1], weight_last = v$weights[, ncol(y)],
  columns(voom_fit, "voom"), columns(trend_fit, "trend"))
genes$trend_fdr <- p.adjust(genes$trend_p, method = "BH")
write(genes, "genes.tsv")

members <- read("sets.tsv")
sets <- lapply(split(members$gene, members$set), function(set) which(rownames(y) %in% set))
tests <- function(x, name, ...) {
  out <- camera(x, sets, design, contrast = last, inter.gene.cor = NA, sort = FALSE, ...)
  data.frame(method = name, set = rownames(out), n_genes = out$NGenes, correlation = out$Correlation,
             direction = tolower(out$Direction), p = out$PValue)
}
write(rbind(tests(logs, "trend", trend.var = TRUE), tests(v, "voom")), "camera.tsv")
writeLines(c(R.version.string, paste("limma", packageVersion("limma")), paste("edgeR", packageVersion("edgeR")),
             paste("df_prior voom", signif(voom_fit$df.prior, 9)), paste("df_prior trend", signif(trend_fit$df.prior, 9))),
           file.path(folder, "versions.txt"))

# One model of three groups, its three contrasts exactly: the design is written so that its last coefficient is the
# contrast (contrasts.fit would be approximate with weights). Donors in turn: A, B, A, B among the cases.
group <- ifelse(arm == "Control", "Control", rep(c("A", "B"), length.out = length(arm)))
group <- factor(group, levels = c("Control", "A", "B"))
means <- model.matrix(~ 0 + group)
contrasts <- cbind(A_Control = c(-1, 1, 0), B_Control = c(-1, 0, 1), A_B = c(0, 1, -1))
kept <- filterByExpr(counts, group = group, min.count = 10, min.total.count = 15)
y <- calcNormFactors(DGEList(counts[kept, ]), method = "TMM")
rows <- lapply(colnames(contrasts), function(name) {
  model <- contrastAsCoef(means, contrasts[, name], first = FALSE)$design
  fit <- eBayes(lmFit(voom(y, model, span = 0.5), model))
  data.frame(contrast = name, gene = rownames(y), effect = fit$coefficients[, 3], t = fit$t[, 3], p = fit$p.value[, 3])
})
write(do.call(rbind, rows), "contrasts.tsv")
