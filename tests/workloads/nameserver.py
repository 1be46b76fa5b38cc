"""Answers every DNS query for an address with 127.0.0.1.

nameserver.py PORT

Listens on UDP, and on TCP only to show that it is there.
"""

import socket
import sys

PORT = int(sys.argv[1])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", PORT))
tcp = socket.create_server(("127.0.0.1", PORT))
while True:
    query, client = udp.recvfrom(512)
    # The query's id and question; one answer: the name of the question, type A, class IN, a minute.
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01"
    udp.sendto(query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query[12:] + answer, client)
