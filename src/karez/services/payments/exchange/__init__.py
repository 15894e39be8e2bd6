"""Exchange: a buyer pays in its own currency what is priced in another one."""
