Jrsr½
h