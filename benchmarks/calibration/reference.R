# limma, edgeR and DESeq2 on the cohorts of a folder. Run by engines.py: Rscript reference.R FOLDER
# A cohort is NAME.counts (int32, genes x donors by column), NAME.design (double, donors x terms by column, contrast
# last) and NAME.shape (genes, donors, terms). Writes NAME.METHOD: one double a gene, or effect and p for DESeq2.
suppressMessages({library(limma); library(edgeR); library(DESeq2)})
folder <- commandArgs(trailingOnly = TRUE)[1]
methods <- commandArgs(trailingOnly = TRUE)[-1]
path <- function(name, kind) file.path(folder, paste(name, kind, sep = "."))
number <- function(file, what, n) { con <- file(file, "rb"); on.exit(close(con)); readBin(con, what, n, size = ifelse(what == "integer", 4, 8)) }
write_p <- function(p, name, kind) { con <- file(path(name, kind), "wb"); on.exit(close(con)); p[is.na(p)] <- NaN; writeBin(as.double(p), con) }

run <- list(
  limma_voom = function(y, design) { v <- voom(y, design); eBayes(lmFit(v, design))$p.value[, ncol(design)] },
  limma_quality = function(y, design) {
    v <- voomWithQualityWeights(y, design); eBayes(lmFit(v, design))$p.value[, ncol(design)] },
  edger_ql = function(y, design) {
    y <- estimateDisp(y, design); glmQLFTest(glmQLFit(y, design))$table$PValue },
  edger_ql_robust = function(y, design) {
    y <- estimateDisp(y, design, robust = TRUE); glmQLFTest(glmQLFit(y, design, robust = TRUE))$table$PValue },
  deseq2 = function(y, design) {
    data <- DESeqDataSetFromMatrix(y$counts, data.frame(row.names = colnames(y$counts)), ~ 1)
    design(data) <- design
    out <- results(DESeq(data, quiet = TRUE), contrast = as.numeric(colnames(design) == "contrast"), independentFiltering = FALSE)
    c(out$log2FoldChange, out$pvalue) })

for (file in sort(list.files(folder, pattern = "[.]shape$"))) {
  name <- sub("[.]shape$", "", file)
  shape <- number(path(name, "shape"), "integer", 3)
  counts <- matrix(number(path(name, "counts"), "integer", shape[1] * shape[2]), shape[1])
  design <- matrix(number(path(name, "design"), "double", shape[2] * shape[3]), shape[2])
  colnames(design) <- c(paste0("t", seq_len(shape[3] - 1)), "contrast")
  dimnames(counts) <- list(seq_len(shape[1]), rownames(design) <- paste0("d", seq_len(shape[2])))
  y <- calcNormFactors(DGEList(counts))
  for (kind in methods) {  # a method that stops has no test in that cohort
    p <- tryCatch(suppressMessages(suppressWarnings(run[[kind]](y, design))), error = function(e) NULL)
    if (is.null(p)) p <- rep(NaN, shape[1] * ifelse(kind == "deseq2", 2, 1))
    write_p(p, name, kind)
  }
}
