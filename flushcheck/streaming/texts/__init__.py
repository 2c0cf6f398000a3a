"""The texts that flushcheck streams by default. They are written for it; the page shows them."""

ENGLISH = """\
Water in a pipe does not wait until the bucket is full before it moves. \
Each drop pushes the next, and whoever holds a hand under the tap feels the first one at once. \
A sentence that is sent word by word should behave in the same way: you begin to read while the \
writer is still thinking. When a whole page falls on the screen in one piece, somebody along the way \
has put a bucket under the pipe. Find the bucket, and let the water run.
"""

CHINESE = """\
水在管子里流动，从不等到水桶装满才出发。一滴推着一滴，手放在龙头下，第一滴马上就能感觉到。\
一个字一个字送出的话也该如此：写的人还在想，读的人已经开始读了。\
如果整页文字一下子落在屏幕上，那一定是路上有人放了一只桶。找到那只桶，让水流起来吧。
"""
