"""Make a system user for each student, and a password; run by root.

    python add_students.py NAMES PASSWORDS

NAMES is a text file with a name a line: lower-case letters, digits and hyphens, at most 32, a
letter first. PASSWORDS is a table (CSV) that only root can read; new students are added at its end.
Who exists already is left alone.
"""

import csv
import os
import pwd
import re
import secrets
import subprocess
import sys
from pathlib import Path

STUDENTS, TEACHERS = "course-students", "course-teachers"


def make_groups():
    """Have the groups that the hub's configuration asks for."""
    for group in STUDENTS, TEACHERS:
        subprocess.run(["groupadd", "--force", group], check=True)


def add(name):
    """Make a user whose home nobody else can enter, and return a new password."""
    command = f"useradd --create-home --user-group --groups {STUDENTS} --shell /bin/bash {name}"
    subprocess.run(command.split(), check=True)
    os.chmod(pwd.getpwnam(name).pw_dir, 0o700)
    password = secrets.token_urlsafe(9)
    subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)
    return password


def exists(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def main(names, passwords):
    names = Path(names).read_text("utf-8").split()
    if wrong := [name for name in names if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name)]:
        sys.exit(f"These cannot be names of users: {', '.join(wrong)}")
    make_groups()
    os.umask(0o077)
    with open(passwords, "a", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for name in names:
            if exists(name):
                print(f"{name} exists already and is left alone")
            else:
                table.writerow([name, add(name)])
                file.flush()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
