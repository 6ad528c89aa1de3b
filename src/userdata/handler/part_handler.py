import os, sys, traceback, types
path, call = sys.argv[1:]
sys.path.insert(0, os.path.dirname(path))
handler = types.ModuleType('part_handler')
handler.__file__ = path
sys.modules['part_handler'] = handler
with open(path, 'rb') as source:
    exec(compile(source.read(), path, 'exec'), handler.__dict__)
if call == 'list-types':
    lines = list(handler.list_types())
    lines.append('frequency: %s' % getattr(handler, 'frequency', 'once-per-instance'))
    sys.stdout.write('\n' + '\n'.join(lines) + '\n')
    sys.exit(0)
try:
    version = int(getattr(handler, 'handler_version', 1))
except (TypeError, ValueError):
    version = 1
source = getattr(sys.stdin, 'buffer', sys.stdin)
failed = []
def text(data):
    return data if isinstance(data, str) else data.decode('utf-8', 'surrogateescape')
def field():
    length = source.read(1)
    while length and not length.endswith(b':'):
        length += source.read(1)
    return source.read(int(length[:-1])) if length else None
def give(ctype, name, payload, more):
    headers = {'Content-Type': ctype}
    headers.update((key, value) for key, value in more if value)
    arguments = [None, ctype, name, payload, os.environ['FREQUENCY'], headers]
    try:
        if not 1 <= version <= 3:
            raise ValueError('unknown handler_version %s' % version)
        handler.handle_part(*arguments[:version + 3])
    except Exception:
        traceback.print_exc()
        failed.append(name)
give('__begin__', None, None, [])
while True:
    ctype = field()
    if ctype is None:
        break
    ctype, name, payload = text(ctype), text(field()), field()
    more = [('Merge-Type', text(field())), ('Launch-Index', text(field()))]
    give(ctype, name, text(payload) if ctype.startswith('text/') else payload, more)
give('__end__', None, None, [])
sys.exit(1 if failed else 0)
