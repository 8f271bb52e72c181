"""Whether the statements of SQL Server name columns that are there: a parser sees no schema, and there is no server here."""

import glob
import re
import sys

FOLDER = "system/adapters/src/sqlserver"


def code(text):
    return "\n".join(line.split("--")[0] for line in text.split("\n"))


def read(pattern):
    return {path: open(path, encoding="utf-8").read() for path in sorted(glob.glob(f"{FOLDER}/{pattern}", recursive=True))}


tables = {}
for text in read("schema/*.sql").values():
    for name, body in re.findall(r"CREATE TABLE dbo\.(\w+)\n\(\n(.*?)\n\);", text, re.S):
        lines = [line for line in body.split("\n") if re.match(r"    (?!--|CONSTRAINT|    )\w+\s", line)]
        tables[name] = {line.split()[0] for line in lines}
assert len(tables) > 20, tables

seen, wrong = 0, []
for path, text in {**read("sql/**/*.sql"), **read("schema/0003*.sql"), **read("schema/0007*.sql")}.items():
    text = code(text)
    local = {
        name: {column.split()[0] for column in re.split(r",(?![^()]*\))", body)}
        for name, body in re.findall(r"DECLARE @(\w+) TABLE\s*\((.*?)\);", text, re.S)
    }
    # What an alias stands for; it may stand for several tables in one file.
    aliases = {}
    for table, alias in re.findall(r"dbo\.(\w+)\s+AS\s+(\w+)", text):
        if table in tables:
            aliases.setdefault(alias, set()).update(tables[table])
    for table, alias in re.findall(r"@(\w+)\s+AS\s+(\w+)", text):
        if table in local:
            aliases.setdefault(alias, set()).update(local[table])
    for alias, column in re.findall(r"\b([a-z]\w*)\.(\w+)\b", text):
        derived = re.search(rf"\)\s+AS {alias}\b", text)
        if alias in aliases and not derived:
            seen += 1
            if column not in aliases[alias]:
                wrong.append(f"{path}: {alias}.{column}")
    for table, columns in re.findall(r"INSERT INTO dbo\.(\w+)\s*\(([^)]*)\)", text):
        for column in columns.split(","):
            seen += 1
            if table in tables and column.strip() not in tables[table]:
                wrong.append(f"{path}: {table} ({column.strip()})")
    for table, assignments in re.findall(r"UPDATE dbo\.(\w+)\s+SET (.*?)(?:\bOUTPUT\b|\bWHERE\b|\bFROM\b|;)", text, re.S):
        for column in re.findall(r"(?:^|,)\s*(\w+) =", assignments):
            seen += 1
            if column not in tables[table]:
                wrong.append(f"{path}: {table} SET {column}")
if wrong:
    sys.exit("T-SQL: there are no such columns:\n  " + "\n  ".join(wrong))
print(f"T-SQL: {seen} columns are there")
