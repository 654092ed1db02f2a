-- expect: load: there is no global 'io'
io.open("/etc/passwd")
