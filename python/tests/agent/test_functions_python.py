"""Functions of Python programs, read from source trees as services have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coral.agent.functions.places import inside, open_regular
from coral.agent.functions.program import Program, PythonJob
from coral.agent.functions.python_source import read_python
from coral.errors import UsageError


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(program: Program) -> list[str]:
    return [function.name for function in program.functions]


def read(folder: Path, *arguments: str, python_path: str = "", root: str = "/") -> Program:
    return read_python(
        PythonJob(arguments=["python", *arguments], folder=str(folder), root=root, python_path=python_path)
    )


SHOP = {
    "app.py": "import os, json\nfrom shop import cart\n\ndef main():\n    raise SystemExit('this must not run')\n\nmain()\n",
    "shop/__init__.py": "",
    "shop/cart.py": (
        "from . import money\n"
        "class Cart:\n"
        "    @property\n"
        "    def total(self):\n"
        "        def add(a, b):\n"
        "            return a + b\n"
        "        return add(1, 2)\n"
        "    if True:\n"
        "        async def clear(self): ...\n"
    ),
    "shop/money.py": "def euros(cents): ...\n",
    "shop/plugins/__init__.py": "",
    "shop/plugins/gift.py": "def wrap(): ...\n",
    "unrelated.py": "def nobody_asked(): ...\n",
}
IN_SHOP = [
    "shop.cart.Cart.clear",
    "shop.cart.Cart.total",
    "shop.cart.Cart.total.<locals>.add",
    "shop.money.euros",
    "shop.plugins.gift.wrap",
]


def test_a_script_brings_what_it_imports_and_the_packages_of_that(tmp_path: Path) -> None:
    write(tmp_path, SHOP)
    program = read(tmp_path, "-u", "-X", "dev", "app.py", "--verbose")

    assert names(program) == ["app.main", *IN_SHOP]
    total = program.functions[2]
    assert (total.name, total.file, total.line, total.offset) == (
        "shop.cart.Cart.total",
        str(tmp_path / "shop/cart.py"),
        4,
        0,
    )
    assert (program.cut, program.notes) == (False, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "shop.cart"],
        ["-Im", "shop"],
        ["-m", "gunicorn", "--workers", "2", "shop.cart:app"],
        ["-m", "uvicorn", "--factory", "shop.cart:make"],
        ["-m", "celery", "--app=shop", "worker"],
    ],
    ids=" ".join,
)
def test_modules_and_what_launchers_load(tmp_path: Path, arguments: list[str]) -> None:
    write(tmp_path, SHOP)
    assert names(read(tmp_path, *arguments)) == IN_SHOP


def test_a_console_script_of_a_virtual_environment(tmp_path: Path) -> None:
    write(tmp_path / "work", SHOP)
    site = "venv/lib/python3.11/site-packages"
    write(
        tmp_path,
        {
            "venv/pyvenv.cfg": "",
            "venv/bin/python": "",
            "venv/bin/serve": "import sys\nfrom server.cli import main\nsys.exit(main())\n",
            f"{site}/server/__init__.py": "import library\n",
            f"{site}/server/cli.py": "def main(): ...\n",
            f"{site}/library.py": "def not_the_programs(): ...\n",
        },
    )
    script = str(tmp_path / "venv/bin/serve")
    # What it is told to load is the program; without that, its own package is.
    assert names(read(tmp_path / "work", script, "shop.cart:app")) == IN_SHOP
    assert names(read(tmp_path / "work", script, "--port", "80")) == ["server.cli.main"]


def test_a_package_installed_for_development_is_the_programs_own(tmp_path: Path) -> None:
    write(tmp_path / "source", SHOP)
    write(tmp_path, {"venv/lib/python3.12/site-packages/shop.pth": f"import x\n{tmp_path}/source\n"})
    job = PythonJob([str(tmp_path / "venv/bin/python"), "-m", "shop"], str(tmp_path))
    assert names(read_python(job)) == IN_SHOP


def test_modules_named_in_strings_and_namespace_packages(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n',
            "site1/settings.py": 'INSTALLED = ["orders.apps.Orders", "not.here"]\n',
            "orders/__init__.py": "",
            "orders/views.py": "def place(request): ...\n",
        },
    )
    assert names(read(tmp_path, "manage.py", "runserver")) == ["orders.views.place"]


def test_a_folder_that_the_configuration_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        {**SHOP, ".git/hook.py": "def hook(): ...", "env/pyvenv.cfg": "", "env/x.py": "def x(): ..."},
    )
    assert names(read(Path("/"), str(tmp_path))) == ["app.main", *IN_SHOP, "unrelated.nobody_asked"]


def test_python_path_is_searched(tmp_path: Path) -> None:
    write(tmp_path / "lib", SHOP)
    write(tmp_path, {"start.py": "import shop.money\n"})
    assert names(read(tmp_path, "start.py", python_path=f":{tmp_path}/lib")) == IN_SHOP


def test_source_that_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": "import broken, deep\ndef ok(): ...\n", "broken.py": "def (:\n"})
    write(tmp_path, {"deep.py": "x = " + "(" * 5000 + ")" * 5000 + "\n"})
    program = read(tmp_path, "app.py")
    assert names(program) == ["app.ok"]
    assert program.notes == [f"2 source file(s) could not be read: {tmp_path}/broken.py, {tmp_path}/deep.py"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-c", "print(1)"], "it was typed or piped in"),
        ([], "it was typed or piped in"),
        (["-"], "it was typed or piped in"),
        (["gone.py"], "is not there any more"),
        (["-m", "nowhere"], "was not found"),
    ],
    ids=str,
)
def test_programs_without_source(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        read(tmp_path, *arguments)
    assert "functions:" in (refused.value.hint or "")


def test_links_are_followed_inside_the_services_root_only(tmp_path: Path) -> None:
    write(tmp_path, {"root/app/real.py": "def inner(): ...\n", "secret.py": "def secret(): ...\n"})
    (tmp_path / "root/app/main.py").symlink_to("/app/real.py")  # absolute, in the container
    (tmp_path / "root/app/up.py").symlink_to("../../../../../../secret.py")
    (tmp_path / "root/app/loop.py").symlink_to("loop.py")
    root = str(tmp_path / "root")

    assert names(read(Path("/app"), "main.py", root=root)) == ["main.inner"]
    assert inside(root, "/app/up.py") is None
    assert inside(root, str(tmp_path / "secret.py")) is None
    assert inside(root, "/app/loop.py") is None
    assert inside("/", str(tmp_path / "secret.py")) == tmp_path / "secret.py"
    assert inside("/", "/a\0b") is None
    assert inside("/", "/" + "a" * 5000) is None


def test_a_pipe_in_the_place_of_a_source_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(OSError, match="no regular file"):
        open_regular(tmp_path / "pipe.py")
    with pytest.raises(UsageError):
        read(tmp_path, "pipe.py")
