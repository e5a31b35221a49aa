"""usage: snippets.py ROOT COMPILER...

Compiles what the documents show. Every block of C in README.md and docs/ is compiled by each compiler found, warnings
being errors: one with main() as a program, the others of a document one after the other, as a reader meets them: functions
stay functions, statements become the body of one more. What a document leaves to its reader is declared in
snippets/DOCUMENT.h. Blocks of Python are parsed. The README shows examples/quickstart.c as it is.
"""

import pathlib
import re
import shutil
import subprocess
import sys

FLAGS = ['-std=c99', '-pedantic', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-Wno-unused', '-Wno-unused-parameter', '-Wno-missing-field-initializers', '-x', 'c', '-']
HEAD = '#include <cnn/cnn.h>\n#include <stdio.h>\n'


def blocks(text, language):
    for found in re.finditer(r'^```' + language + r'\n(.*?)^```', text, re.S | re.M):
        yield text.count('\n', 0, found.start()) + 2, found.group(1)


def blocks_of(document):
    return [code for _, code in blocks(document.read_text(), 'c')]


def split(code):
    """Includes, functions, and the statements outside of them."""
    functions = re.findall(r'^(?:static|int) [^;=]*?\{\n.*?^\}\n', code, re.S | re.M)
    for function in functions:
        code = code.replace(function, '\n' * function.count('\n'))
    includes = re.findall(r'^#include.*\n', code, re.M)
    return includes, functions, re.sub(r'^#include.*$', '', code, flags=re.M)


def programs(document, declared):
    """(name, source) of what the document's blocks of C come to."""
    text = document.read_text()
    includes, functions, statements = [], [], []
    for line, code in blocks(text, 'c'):
        if 'int main(' in code:
            yield f'{document.name}:{line}', code
            continue
        more = split(code)
        includes += more[0]
        functions += more[1]
        statements.append(f'#line {line} "{document.name}"\n{more[2]}')
    if functions or statements:
        yield document.name, (HEAD + ''.join(includes) + declared + ''.join(functions) +
                              'void shown(void);\nvoid shown(void) {\n' + '\n'.join(statements) + '}\n')


def main():
    root = pathlib.Path(sys.argv[1])
    compilers = [c for c in sys.argv[2:] if shutil.which(c)]
    failed = count = 0
    if (root / 'examples/quickstart.c').read_text() not in blocks_of(root / 'README.md'):
        print('README.md does not show examples/quickstart.c as it is')
        failed += 1
    for document in [root / 'README.md', *sorted((root / 'docs').glob('*.md'))]:
        header = root / 'tests/checks/snippets' / (document.stem + '.h')
        for name, source in programs(document, header.read_text() if header.exists() else ''):
            for compiler in compilers:
                done = subprocess.run([compiler, '-I', root / 'include', *FLAGS], input=source, text=True, capture_output=True)
                count += 1
                if done.returncode:
                    failed += 1
                    print(f'{name}: {compiler}:\n{done.stderr}')
        for line, source in blocks(document.read_text(), 'python'):
            compile(source, f'{document.name}:{line}', 'exec')
            count += 1
    print(f'snippets: {count} compiled, {failed} failed')
    return 1 if failed or not count else 0


sys.exit(main())
