"""What is sent to other machines: syslog messages and mail.

What always holds: nothing goes over a network in clear unless it is told to; a receiver's certificate is checked;
whatever goes wrong is `Failed`, with a reason and without a secret.
"""
