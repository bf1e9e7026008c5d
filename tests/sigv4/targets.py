"""Odd keys and targets, and the forms that other SDKs give them on the wire."""

KEYS = [
    "plain.txt",
    "a b",
    "a+b",
    "100%",
    "%41",
    "a%2Fb",
    "~tilde=equals",
    "it's(1)!*",
    "double//slash",
    "trailing/",
    "dir x+y=1/é",
    "日本語/🎉",
    "&?#;:@$,",
    "back\\slash",
    "Ａ́",
]

TARGETS = [
    "/",
    "/bucket",
    "/bucket/",
    "/bucket/a%20b",
    "/bucket/a%2Bb",
    "/bucket/100%25",
    "/bucket/~%3D%27%28%29%2A",
    "/bucket/a//b",
    "/bucket/%C3%A9",
    "/bucket?uploads=",
    "/bucket?list-type=2&prefix=a%20b%2Bc&delimiter=%2F",
    "/bucket?prefix=%2A~%3D%27%28%29&marker=",
    "/bucket/k?uploadId=a%3D%3D&max-parts=1",
    "/bucket?x-z=1&prefix=%E6%97%A5&x-a=2&x-a-b=4",
]

WIRE_FORMS = [
    # (canonical target as signed, what other SDKs put on the wire for it)
    ("/bucket/a%20b%2Ac", "/bucket/a%20b*c"),
    ("/bucket/~a", "/bucket/%7Ea"),
    ("/bucket/dir//a", "/bucket/dir/%2Fa"),
    ("/bucket/%C3%A9", "/bucket/%c3%a9"),
    ("/bucket/a%2Bb", "/bucket/a+b"),
    ("/bucket/a%3Db%27%28%29", "/bucket/a=b'()"),
    ("/bucket/abc", "/bucket/%61bc"),
    ("/bucket?prefix=a%20b", "/bucket?prefix=a+b"),
    ("/bucket?prefix=%2A", "/bucket?prefix=*"),
    ("/bucket?prefix=~", "/bucket?prefix=%7E"),
    ("/bucket?prefix=a%2Fb%3Dc", "/bucket?prefix=a/b=c"),
    ("/bucket?uploads=", "/bucket?uploads"),
    ("/bucket?list-type=2&prefix=", "/bucket?prefix&list-type=2"),
    ("/bucket?delimiter=%2F&prefix=dir%20x%2By%3D1%2F", "/bucket?prefix=dir+x%2By%3D1%2F&delimiter=%2F"),
    ("/bucket?x-a=1&x-b=2", "/bucket?x-b=2&&x-a=1&"),
]

# Of these only the signature can be right: no operation has such parameters, and MinIO no such keys.
ODD_KEYS = ["/leading"]
ODD_TARGETS = ["/bucket//a//b", "/bucket?z=1&a=2&a=1&A=3&a-b=4", "/bucket?empty=&empty="]
ODD_WIRE_FORMS = [("/bucket//a", "/bucket/%2Fa"), ("/bucket?a=1&a=2", "/bucket?a=2&&a=1&")]
