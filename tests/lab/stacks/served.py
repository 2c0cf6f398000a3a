"""What a server loads: the app of the stack that LAB_STACK names, with taps; without its fault if LAB_FREED is set."""

from flushcheck.taps import install
from tests.lab.stacks.apps import chosen, make

app = install(make(chosen()))
