# An atlas of alscell as a Seurat object: counts, all columns of a cell, UMAP. Genes by symbol.
# Debian: apt-get install r-cran-seurat r-cran-hdf5r. Use: source("read_atlas.R"); atlas <- read_atlas("atlas.h5ad")
library(hdf5r)
library(Seurat)

read_atlas <- function(path) {
  file <- H5File$new(path, "r")
  on.exit(file$close_all())
  column <- function(group, name) {
    part <- file[[paste0(group, "/", name)]]
    if (!inherits(part, "H5Group")) return(part[])
    code <- part[["codes"]][]
    factor(part[["categories"]][][ifelse(code < 0, NA, code + 1)], levels = part[["categories"]][])
  }
  cells <- column("obs", h5attr(file[["obs"]], "_index"))
  genes <- make.unique(as.character(column("var", "feature_name")))
  rows <- file[["X"]] # cells x genes by rows are genes x cells by columns
  counts <- new("dgCMatrix",
    i = as.integer(rows[["indices"]][]), p = as.integer(rows[["indptr"]][]), x = rows[["data"]][],
    Dim = c(length(genes), length(cells)), Dimnames = list(genes, cells)
  )
  fields <- h5attr(file[["obs"]], "column-order")
  facts <- data.frame(lapply(setNames(fields, fields), function(name) column("obs", name)), row.names = cells)
  atlas <- CreateSeuratObject(counts, meta.data = facts)
  umap <- t(file[["obsm/X_umap"]][, ])
  dimnames(umap) <- list(cells, c("UMAP_1", "UMAP_2"))
  atlas[["umap"]] <- CreateDimReducObject(umap, key = "UMAP_", assay = "RNA")
  atlas
}
