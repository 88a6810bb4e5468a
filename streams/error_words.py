"""What of an error may leave the input topics: known names of errors, and the words between names.

A message of an error says little that is new and much that is private. Its *template* keeps the
words that errors of any program are made of, from a fixed list, and masks everything else: names,
numbers, paths, whatever is quoted. So two errors of one sort have one template, and a template can
say nothing that is not in this file.
"""

import re
from typing import Final

MASK: Final = "*"
"""Stands for whatever is not in the vocabulary, however much that is."""

READ_MAX: Final = 1_000
"""Characters of a message that are looked at."""

LENGTH_MAX: Final = 120
"""Characters of a template; the words that fit."""

OTHER: Final = "other"
"""The class of an error whose name is not well known."""

_CLASSES = """
APIError AbortError AggregateError ArgumentError ArgumentException ArgumentNullException
ArithmeticError ArithmeticException ArrayIndexOutOfBoundsException AssertionError AttributeError
AuthenticationError AuthorizationError BlockingIOError BrokenPipeError BufferError BuildError
CalledProcessError CancelledError ChildProcessError ClassCastException ClassNotFoundException
CompileError ConcurrentModificationException ConfigurationError ConnectTimeout
ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError DOMException
DataError DatabaseError EACCES EADDRINUSE EAGAIN ECONNABORTED ECONNREFUSED ECONNRESET EEXIST
EHOSTUNREACH EINVAL EISDIR EMFILE ENOENT ENOMEM ENOSPC ENOTDIR ENOTEMPTY ENOTFOUND EOFError
EPERM EPIPE ERESOLVE ETIMEDOUT EnvironmentError Error EvalError Exception FileExistsError
FileNotFoundError FileNotFoundException FloatingPointError FormatException FrozenError
GeneratorExit HTTPError IOError IOException IllegalArgumentException IllegalStateException
ImportError ImproperlyConfigured IndentationError IndexError IndexOutOfBoundsException
IntegrityError InterfaceError InternalError InterruptedError InterruptedException
InvalidOperationException IsADirectoryError JSONDecodeError KeyError KeyboardInterrupt LintError
LoadError LookupError MemoryError ModuleNotFoundError NameError NetworkError
NoClassDefFoundError NoMethodError NoSuchElementException NoSuchFieldError NoSuchMethodError
NotADirectoryError NotImplementedError NotImplementedException NullPointerException
NullReferenceException NumberFormatException OSError ObjectDoesNotExist OperationalError
OutOfMemoryError OutOfMemoryException OverflowError ParseError PermissionError
ProcessLookupError ProgrammingError RangeError RateLimitError ReadTimeout RecursionError
ReferenceError RequestException RuntimeError RuntimeException SIGABRT SIGINT SIGKILL SIGSEGV
SIGTERM SQLException SSLError SecurityException SocketException SocketTimeoutException
StackOverflowError StandardError StopIteration SyntaxError SystemError SystemExit TSError
TabError TestError TimeoutError TimeoutException TimeoutExpired ToolError TypeError URIError
URLError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError
UnsupportedOperationException ValidationError ValueError ZeroDivisionError
"""

CLASSES: Final = frozenset(_CLASSES.split())
"""Names of errors that say nothing of whose they are."""

_BY_LOWER: Final = {name.lower(): name for name in CLASSES}

_WORDS = """
a abort aborted absolute accept accepted access accessible active add added after again all
allocate allocated allocation allow allowed already ambiguous an and another any api are
argument arguments array as assert assertion assign assigned assignment async at attempt
attempted attribute authentication authorization available await bad base be because been before
being between body boolean both branch broken buffer build by bytes call callable called cannot
case cast certificate change changed character characters check child circular class close
closed code codec column command commit compare comparison compile compiled component
concatenate condition config configuration conflict conflicts connect connected connection
constraint constructor content context convert corrupt could count create created credentials
current cycle data database dead deadlock decimal declaration declared decode decoded default
define defined delete deleted denied dependencies dependency deprecated depth descriptor
detected device dictionary did different directory disabled disk divide division do does done
down due duplicate during each either element empty enabled encode encoding end ended endpoint
enough entry environment eof equal error errors exceeded exception exceptions executable execute
executed execution exist existing exists exit exited expected expired export expression extra
failed failing fails failure false fatal feature field fields file files finished first float
for forbidden format found from full function gave generator get given global got greater group
had handle handler has hash have header headers host id identifier if ignored illegal image
immutable implement implementation implemented import imported in incompatible incomplete
inconsistent incorrect indent indentation index infinite initialize initialized input insecure
insert install installed instance instead insufficient int integer interface internal
interrupted into invalid is it item items iterable iterator its join json key keys keyword
killed large last left length less level library limit line lines list literal load loaded local
lock locked long loop lost many match matched matching maximum memory merge message method
migration minimum mismatch missing modified module modules more multiple must mutable name named
names nan negative nested network new next no node none nonzero not nothing null number object
objects of off old on once one only open opened operand operation operator option or order
origin other out outdated output outside overflow own package packages parameter parameters
parent parse parsed parser partial pass passed password path peer pending permission permissions
permitted pool port position positional possible prevented primary private process processing
promise property protected protocol provided public query quota raised range rate reached read
readable ready reason received record recursion reference refused register rejected relation
relative release remote remove removed rename request requests require required requires reset
resolve resolved resource response result retries retry return returned returns right root row
rule run running runtime same schema scope second seconds segmentation select self sequence
serialize server service session set shape shared should signal signature size sizes skipped
small socket some space specified stack start started state statement static status step stop
stopped stream string strings subscriptable such support supported syntax system table tag take
takes target task temporarily temporary test tests than that the then there this thread through
time timed timeout timestamp to token tokens too tool transaction tried true try tuple type
types unable unauthorized unavailable unbound undefined unexpected unhandled unique unit unknown
unpack unreachable unresolved unsupported until unused update upgrade upper use used user using
value values variable version violated violates violation wait waiting was were when where which
while whitespace with within without worker would writable write written wrong yield you zero
"""

VOCABULARY: Final = frozenset(_WORDS.split())
"""Words that errors of any program are made of; none is a name."""

_QUOTED = re.compile(r"(?<!\w)(?:'[^'\n]{0,400}'|\"[^\"\n]{0,400}\"|`[^`\n]{0,400}`)(?!\w)")
_AROUND = ".,:;!?()[]{}<>"


def error_class(name: str) -> str:
    """The error's name where it is well known, without what it stands in; else `other`.

    >>> error_class("builtins.TypeError"), error_class("AcmePayrollError")
    ('TypeError', 'other')
    """
    return _BY_LOWER.get(name.strip().rpartition(".")[2].lower(), OTHER)


def template(message: str) -> str:
    """The message with all but the vocabulary masked.

    >>> template("unsupported operand type(s) for +: 'int' and 'str'")
    'unsupported operand * for * and *'
    """
    found: list[str] = []
    length = 0
    for token in _QUOTED.sub(MASK, message[:READ_MAX]).split():
        word = token.strip(_AROUND).lower()
        word = word if word in VOCABULARY else MASK
        if word == MASK and found and found[-1] == MASK:
            continue
        length += len(word) + 1
        if length > LENGTH_MAX:
            break
        found.append(word)
    return " ".join(found) or MASK
