"""SIMULATED raw files of every registry entry, each in the layout, and under the names, that the real source has.

`PYTHONPATH=workflow/scripts python tests/registry/source.py FOLDER` writes them as FOLDER/<dataset>/<file>, which
`download.mirror` can name.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import re
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import sparse
from scipy.io import mmwrite

from alscell.files import read_gmt, read_samples, read_yaml
from alscell.raw_layouts import tenx_h5_bytes, write_dense_csv, write_tar
from alscell.simulate import Cohort, build_cohort, simulate_sample
from alscell.simulation_plan import plan_from

ROOT = Path(__file__).resolve().parents[2]

REGISTRY = ROOT / "resources" / "datasets"
DATASETS = sorted(path.parent.name for path in REGISTRY.glob("*/dataset.yaml"))
# The donors' names in files whose sheets say only @1, @2, ...
HIDDEN = {"gse330130": "NEU{:03d}", "gse190442": "Donor{}"}


@dataclass(frozen=True)
class Drawn:
    """One simulated sample: its row of the sheet, counts (cells x genes), barcodes and types of its cells."""

    row: dict[str, str]
    counts: sparse.csr_matrix
    barcodes: list[str]
    types: list[str]


def draw(dataset: str, *, cells: int, n_genes: int = 0, seed: int = 42) -> tuple[Cohort, list[Drawn]]:
    """Every sample of a registry entry, from the demo's tissue or dish with `cells` cells a sample."""
    facts = yaml.safe_load((REGISTRY / dataset / "dataset.yaml").read_text(encoding="utf-8"))
    demo = "simulated_spinal_cord" if facts["system"] == "tissue" else "simulated_ipsc_motor_neurons"
    plan = plan_from(read_yaml(ROOT / "examples" / "demo" / demo / "simulation.yaml"), where=demo)
    plan = dataclasses.replace(plan, cells_per_sample=cells, n_genes=n_genes)
    markers = "spinal_cord" if facts["system"] == "tissue" else "ipsc_motor_neurons"
    cohort = build_cohort(
        plan,
        pd.read_csv(ROOT / "resources" / "simulation" / "genes.tsv", sep="\t", keep_default_na=False),
        markers=pd.read_csv(ROOT / "resources" / "markers" / f"{markers}.tsv", sep="\t", keep_default_na=False),
        gene_sets={
            (path.parent.name, name): genes
            for path in sorted((ROOT / "resources" / "gene_sets").glob("*/*.gmt"))
            for name, genes in read_gmt(path).items()
        },
        seed=seed,
    )
    rows = read_samples(REGISTRY / dataset / "samples.tsv").to_dict("records")
    drawn = []
    for row in rows:
        row = {"file": facts["source"]["files"][0]["name"], "member": row["sample"], "sex": "", "batch": "", **row}
        counts, drawn_cells = simulate_sample(cohort, row)
        drawn.append(Drawn(row, counts, list(drawn_cells["barcode"]), list(drawn_cells["cell_type"])))
    return cohort, drawn


def write_source(folder: Path, dataset: str, *, cells: int, n_genes: int = 0) -> tuple[Cohort, list[Drawn]]:
    """The raw files of one registry entry in folder/<dataset>/, and what was drawn for them."""
    cohort, drawn = draw(dataset, cells=cells, n_genes=n_genes)
    place = folder / dataset
    place.mkdir(parents=True, exist_ok=True)
    WRITERS[dataset](place, cohort, drawn)
    _write_list(place)
    return cohort, drawn


def _write_list(place: Path) -> None:
    """GEO's filelist.txt: every file with its size, and below a tar its members."""
    rows = []
    for path in sorted(place.iterdir()):
        is_tar = path.suffix == ".tar"
        rows.append(("Archive" if is_tar else "File", path.name, path.stat().st_size))
        if is_tar:
            with tarfile.open(path) as archive:
                rows += [("File", entry.name, entry.size) for entry in archive if entry.isfile()]
    lines = ["#Archive/File\tName\tTime\tSize\tType"]
    lines += [
        f"{kind}\t{name}\t01/02/2026 10:00:00\t{size}\t{name.rpartition('.')[2].upper()}" for kind, name, size in rows
    ]
    (place / "filelist.txt").write_text("\n".join(lines) + "\n")


def _gse287257(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """One 10x h5 a donor; accession, donor and state in the name."""
    members = []
    for number, one in enumerate(drawn):
        control = one.row["condition"] == "Control"
        donor, state = (one.row["donor"], "Control") if control else (f"14{number:03d}", "sALS")
        name = f"GSM{8742363 + number}_{donor}_{state}_filtered_feature_bc_matrix.h5"
        data = tenx_h5_bytes(one.counts, [f"{code}-1" for code in one.barcodes], cohort.genes, library=donor)
        members.append((name, data))
    with (place / "GSE287257_RAW.tar").open("wb") as stream:
        write_tar(stream, members)


def _gse138121(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """One dense csv a batch; the lines are in the cells' names, C9TR for corrected ones, and a date for a gene."""
    genes = ["4-Mar" if gene == "MARCHF4" else gene for gene in cohort.genes["gene"]]
    for name in sorted({one.row["file"] for one in drawn}):
        of_file = [one for one in drawn if one.row["file"] == name]
        cells = [f"{one.row['member'].replace('*', 'C9TR')}_{code.lower()}" for one in of_file for code in one.barcodes]
        with (place / name).open("wb") as stream:
            write_dense_csv(stream, sparse.vstack([one.counts for one in of_file], format="csr"), cells, genes)


def _gse330130(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """One h5ad: donors by names that the sheet does not know, Ensembl ids as index, symbols in a column."""
    import anndata

    obs = pd.DataFrame(
        [
            {
                "Subject ID": _hidden("gse330130", number),
                "Level 1": one.row["condition"],
                "Tissue Type": "Lumbar Spinal Cord",
                "Cell_Type": "Excitatory  Neuron" if kind == "excitatory_neuron" else kind,
                "name": f"{code}-1_{number}",
            }
            for number, one in enumerate(drawn)
            for code, kind in zip(one.barcodes, one.types, strict=True)
        ]
    ).set_index("name")
    var = pd.DataFrame({"common_name": pd.Categorical(cohort.genes["gene"])}, index=cohort.genes["gene_id"].to_numpy())
    counts = sparse.vstack([one.counts for one in drawn], format="csr").astype(np.float32)
    anndata.AnnData(counts, obs=obs, var=var).write_h5ad(place / "GSE330130_LSC_SNRNASEQ_COUNTS.h5ad")


def _gse226482(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """A table with tabs, and GEO's series matrix, which alone knows the line of a cell."""
    lines_of = [(number, one.row["member"], len(one.types)) for number, one in enumerate(drawn)]
    cells = [(f"cell_{n}_{number}", line) for number, line, n_cells in lines_of for n in range(n_cells)]
    counts = sparse.vstack([one.counts for one in drawn], format="csr")
    _write_tabs(place / "GSE226482_counts.txt.gz", counts, [name for name, _ in cells], list(cohort.genes["gene"]))
    lines = [
        ("!Series_title", ["SIMULATED"]),
        ("!Series_geo_accession", ["GSE226482"]),
        ("!Sample_title", [name for name, _ in cells]),
        ("!Sample_geo_accession", [f"GSM{7070000 + n}" for n in range(len(cells))]),
        ("!Sample_source_name_ch1", ["iPSC-derived neurons" for _ in cells]),
        ("!Sample_characteristics_ch1", [f"line: {line}" for _, line in cells]),
        ("!Sample_characteristics_ch1", [f"differentiation: D{n % 4 + 1}" for n in range(len(cells))]),
        ("!series_matrix_table_begin", []),
        ("ID_REF", [f"GSM{7070000 + n}" for n in range(len(cells))]),
        ("!series_matrix_table_end", []),
    ]
    text = "".join("\t".join([key, *(f'"{value}"' for value in values)]) + "\n" for key, values in lines)
    (place / "GSE226482_series_matrix.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def _gse173524(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """Mouse symbols; a table with tabs, and one with a row a nucleus as R writes it."""
    types = {"neuron": "Neuron", "opc": "OPC", "motor_neuron": "Motor_Neuron", "mural": "Fibroblast"}
    cells = [
        (f"{code}-1_{number + 1}", one.row, types.get(kind, "Neuron" if kind.endswith("neuron") else kind.capitalize()))
        for number, one in enumerate(drawn)
        for code, kind in zip(one.barcodes, one.types, strict=True)
    ]
    counts = sparse.vstack([one.counts for one in drawn], format="csr")
    genes = [mouse_symbol(gene) for gene in cohort.genes["gene"]]
    _write_tabs(place / "GSE173524_umi.tsv.gz", counts, [name for name, _, _ in cells], genes)
    header = ["Nucleus", "SampleID", "Batch", "Sex", "Genotype", "Group", "cell.type.refined"]
    rows = [
        [name, row["member"], row["batch"], row["sex"], row["genotype"], f"{row['genotype']}.{row['sex']}", kind]
        for name, row, kind in cells
    ]
    text = "".join("\t".join(fields) + "\n" for fields in [header, *rows])
    (place / "GSE173524_metadata.nuclei.tsv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def _gse174332(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """A folder a sample in one tar, other names for the three files, and a sample beside them that no row takes."""
    members = []
    for one in [*drawn, dataclasses.replace(drawn[0], row={**drawn[0].row, "sample": "GSM5292199"})]:
        folder = f"{one.row['sample']}_MCX{len(members):02d}"
        matrix = io.BytesIO()
        mmwrite(matrix, one.counts.T.tocoo(), field="integer", symmetry="general")
        genes = "Gene\tBiotype\n" + "".join(f"{gene}\tprotein_coding\n" for gene in cohort.genes["gene"])
        cells = "Barcode\tCellClass\n" + "".join(f"{code}-1\tGlia\n" for code in one.barcodes)
        members += [
            (f"{folder}/counts_fil.mtx", matrix.getvalue()),
            (f"{folder}/row_metadata.tsv", genes.encode()),
            (f"{folder}/col_metadata.tsv", cells.encode()),
        ]
    with (place / "GSE174332_RAW.tar").open("wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _gse190442(place: Path, cohort: Cohort, drawn: list[Drawn]) -> None:
    """A csv whose header has '-1_' turned into '.1_', and the table of cells, which has not."""
    labels = {"oligodendrocyte": "Oligodendrocytes", "astrocyte": "Astrcytes", "opc": "OPC", "microglia": "Microglia"}
    labels |= {"endothelial": "Endothelial", "mural": "Pericytes"}
    cells = [
        (f"{code}-1_{number + 1}", _hidden("gse190442", number), labels.get(kind, "Neurons"))
        for number, one in enumerate(drawn)
        for code, kind in zip(one.barcodes, one.types, strict=True)
    ]
    counts = sparse.vstack([one.counts for one in drawn], format="csr")
    names = [re.sub("-1_", ".1_", name) for name, _, _ in cells]
    with (place / "GSE190442_aggregated_counts_postqc.csv.gz").open("wb") as stream:
        write_dense_csv(stream, counts, names, list(cohort.genes["gene"]))
    table = pd.DataFrame(
        {"sample": [donor for _, donor, _ in cells], "top_level_annotation": [label for _, _, label in cells]},
        index=[name for name, _, _ in cells],
    )
    packed = gzip.compress(table.to_csv().encode(), mtime=0)
    (place / "GSE190442_aggregated_metadata_postqc.csv.gz").write_bytes(packed)


def _hidden(dataset: str, number: int) -> str:
    """The name of a donor in the file: in each arm, the order of names is that of the sheet."""
    return HIDDEN[dataset].format(number + 1)


def mouse_symbol(gene: str) -> str:
    """A human symbol in the way mouse symbols are written: most one-to-one orthologs are named so."""
    return f"mt-{gene[3:].capitalize()}" if gene.startswith("MT-") else gene.capitalize()


def _write_tabs(path: Path, counts: sparse.csr_matrix, cells: list[str], genes: list[str]) -> None:
    """Genes x cells with tabs and no name above the genes, as R's write.table leaves it."""
    dense = counts.T.toarray().tolist()
    with path.open("wb") as stream, gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as packed:
        packed.write(("\t".join(cells) + "\n").encode())
        for gene, row in zip(genes, dense, strict=True):
            packed.write(f"{gene}\t{'\t'.join(map(str, row))}\n".encode())


WRITERS = {
    "gse138121": _gse138121,
    "gse173524": _gse173524,
    "gse174332": _gse174332,
    "gse190442": _gse190442,
    "gse226482": _gse226482,
    "gse287257": _gse287257,
    "gse330130": _gse330130,
}


if __name__ == "__main__":
    for name in sys.argv[2:] or DATASETS:
        write_source(Path(sys.argv[1]), name, cells=120)
        print(f"{sys.argv[1]}/{name}: SIMULATED")
