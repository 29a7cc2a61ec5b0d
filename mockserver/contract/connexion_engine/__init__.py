"""The engine `connexion`, which lets Connexion check calls. Nothing outside this folder imports Connexion."""
